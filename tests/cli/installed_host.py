# SPDX-License-Identifier: Apache-2.0
"""A folder as a host to install on, a program's folder to install from, and a service manager."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any

from tetragon_cli.installation.installing import Installing
from tetragon_cli.installation.layout import Choices, Layout
from tetragon_cli.installation.uninstalling import Uninstalling
from tetragon_core.errors import TetragonError
from tetragon_core.program_tree import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TREE = "/usr/local/lib/tetragon-mini"
LINK = "/usr/local/bin/tetragon-mini"
UNIT = "/usr/local/lib/systemd/system/tetragon-mini.service"
AT_BOOT = "/etc/systemd/system/multi-user.target.wants/tetragon-mini.service"
SETTINGS = "/etc/tetragon/tetragon.yaml"
RECORD = "/var/lib/tetragon-mini/installed.json"
SERVICE = "tetragon-mini.service"
_ROOM = 254


def program_tree(path: Path, version: str) -> Path:
    """A program's folder as the executable has it; its loader is a text with the version."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<2HI3QI6H", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<2I6Q", 3, 4, 64 + 56, 0, 0, _ROOM, _ROOM, 1)
    (path / "lib/inner").mkdir(parents=True)
    content = ident + header + segment + b"/ld.so".ljust(_ROOM, b"\0") + version.encode()
    (path / PROGRAM).write_bytes(content)
    (path / PROGRAM).chmod(0o755)
    (path / "lib/inner/module.so").write_bytes(b"code")
    (path / "lib/ld.so").write_text(version)
    (path / f"lib/only-in-{version}").touch()
    (path / "complete").write_text("of the launcher\n")
    return path


class Manager:
    """A service manager that notes what it is told."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.is_there = is_there
        self.active = False
        self.told: list[str] = []
        self.fails = ""
        """What it does not do the next time."""

    def is_active(self) -> bool:
        """Whether the service runs."""
        return self.active

    def _do(self, what: str) -> None:
        self.told.append(what)
        if self.fails == what:
            self.fails = ""
            raise TetragonError(f"systemctl {what}: refused")

    def look_again(self) -> None:
        """Note it."""
        self._do("reload")

    def start(self) -> None:
        """Note it."""
        self._do("start")
        self.active = True

    def stop(self) -> None:
        """Note it."""
        self._do("stop")
        self.active = False

    def disable(self) -> None:
        """Note it."""
        self._do("disable")
        self.active = False


class Host:
    """Paths are those of the host."""

    def __init__(self, root: Path, *, is_there: bool = True) -> None:
        self.root = root
        self.manager = Manager(is_there=is_there)
        self.layout = Layout(root=root)
        for folder in ("usr/local/bin", "usr/local/lib", "etc/systemd/system", "var/lib"):
            (root / folder).mkdir(parents=True)

    def at(self, path: str) -> Path:
        """Where it is now."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        """A file of somebody else, with the folders above it."""
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)

    def change(self, path: str) -> str:
        """An administrator adds a line; the whole text."""
        text = f"{self.at(path).read_text()}# mine\n"
        self.at(path).write_text(text)
        return text

    def plan(self, source: Path, **chosen: Any) -> Installing:
        """What an installation would do."""
        given: dict[str, Any] = {"layout": self.layout, "source": source} | chosen
        choices = Choices(**given)
        return Installing(choices, self.manager)

    def install(self, source: Path, **chosen: Any) -> list[str]:
        """The lines that say what was done."""
        installing = self.plan(source, **chosen)
        lines = list(installing.lines())
        installing.run()
        return lines

    def removal(self, *, purge: bool = False, keeps: bool = False) -> Uninstalling:
        """What an uninstallation would do."""
        return Uninstalling(self.layout, self.manager, purge=purge, keeps_enforcing=keeps)

    def uninstall(self, *, purge: bool = False) -> list[str]:
        """The lines that say what was done."""
        uninstalling = self.removal(purge=purge)
        lines = list(uninstalling.lines())
        uninstalling.run()
        return lines

    def content(self) -> dict[str, str]:
        """Everything that is there: a digest for files, targets of links, modes."""
        return {str(path): _what(self.root / path) for path in sorted(self._names())}

    def _names(self) -> Iterable[Path]:
        return (path.relative_to(self.root) for path in self.root.rglob("*"))


def _what(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = f"{path.stat().st_mode & 0o7777:o}"
    if path.is_dir():
        return f"{mode} folder"
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def paths_of(lines: Iterable[str], verb: str) -> list[str]:
    """The paths that lines with this verb name."""
    words = (line.split() for line in lines)
    return [found[1] for found in words if found[0] == verb]
