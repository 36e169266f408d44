# SPDX-License-Identifier: Apache-2.0
"""Where things go, as the host will see them, and where this process finds them meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetragon_core.program_tree import PROGRAM

__all__ = ["CONFIG", "PROGRAM", "RECORD", "SERVICE", "STATE", "Choices", "Layout"]

CONFIG: Final = Path("/etc/tetragon")
STATE: Final = Path("/var/lib/tetragon-mini")
RECORD: Final = STATE / "installed.json"
"""One for the host, whatever the prefix: so an installation elsewhere is found, and /usr may be
read-only afterwards."""
SERVICE: Final = f"{PROGRAM}.service"
_UNIT_PREFIXES: Final = ("/usr", "/usr/local")
"""systemd looks for units below these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Paths as the host sees them; `seen()` is where they are now."""

    root: Path = Path("/")
    """The host's file system: not / when an image or a package is built."""
    prefix: Path = Path("/usr/local")

    @property
    def is_host(self) -> bool:
        """Whether this is the system that runs here."""
        return self.root == Path("/")

    def seen(self, path: Path) -> Path:
        """The same file from here."""
        return self.root / path.relative_to("/")

    @property
    def tree(self) -> Path:
        """The program's folder."""
        return self.prefix / "lib" / PROGRAM

    @property
    def program(self) -> Path:
        """What people and services start."""
        return self.prefix / "bin" / PROGRAM

    @property
    def units(self) -> Path:
        """For units that come with software; administrators have /etc/systemd/system."""
        if str(self.prefix) in _UNIT_PREFIXES:
            return self.prefix / "lib/systemd/system"
        return Path("/etc/systemd/system")

    def shared(self, name: str) -> Path:
        """A folder below share."""
        return self.prefix / "share" / name


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What an installation is to have."""

    layout: Layout
    source: Path
    """The program's folder that is copied."""
    has_service: bool = True
    """The unit."""
    is_enabled: bool = True
    """Started at boot, and now where that is possible."""
    hooks: tuple[str, ...] = ()
    """Runtimes that get the OCI hook."""
    is_recorded: bool = True
    """False: somebody else, a package manager, knows the files."""
