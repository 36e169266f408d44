# SPDX-License-Identifier: Apache-2.0
"""A made-up host with files, variables and flags that set options of the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_server.settings.given import Given
from tetragon_server.settings.reading import Settings, SettingsReader, read_settings
from tetragon_server.settings.sources import Places

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ("packaged", "local", "cwd", "etc", "admin", "config-dir", "environment", "flag")
"""From the weakest to the strongest; `cwd` hides `etc`."""


class Host:
    """Paths below `root` stand for those of a real host."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.flags: dict[str, Given] = {}
        self.environment: dict[str, str] = {}
        self.places = Places(
            packaged=(root / "packaged", root / "local"),
            files=(root / "cwd.yaml", root / "etc.yaml"),
            admin=root / "admin",
        )

    def set(self, source: str, name: str, *texts: str) -> None:
        """Set an option as `source` would."""
        if source == "flag":
            self.flags[name] = Given(name, texts, f"--{name}")
        elif source == "environment":
            self.environment[f"TETRAGON_{name.upper().replace('-', '_')}"] = texts[0]
        elif source in {"cwd", "etc"}:
            self.write(f"{source}.yaml", f"{name}: {texts[0]}\n")
        else:
            self.write(f"{source}/{name}", f"{texts[0]}\n")
            if source == "config-dir":
                self.set("flag", "config-dir", str(self.root / source))

    def write(self, name: str, text: str) -> Path:
        """Write a file, and the directory it is in."""
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def settings(self) -> Settings:
        """What the agent would make of all of it."""
        return read_settings(self.flags, self.environment, self.places)

    def reader(self) -> SettingsReader:
        """For an agent that reads more than once."""
        return SettingsReader(self.flags, self.environment, self.places)
