# SPDX-License-Identifier: Apache-2.0
"""Where the hook is installed, and the command line that runtimes are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..options import LOG_NAME

__all__ = ["DEFAULT_DIRECTORY", "PROGRAM", "STARTS", "Change", "Place", "usual_arguments"]

DEFAULT_DIRECTORY: Final = Path("/opt/tetragon")
PROGRAM: Final = "tetragon-oci-hook"
STARTS: Final = ("--fail-cel-expr=false",)
"""Words for the hook: containers that the agent could not be told of start all the same."""
_STARTS_ANYWAY: Final = ("podman", "docker")
"""Their containers have no namespace that could be allowed to start without the agent."""


def usual_arguments(runtime: str) -> tuple[str, ...]:
    """Words for the hook of a runtime, unless somebody wants others."""
    return STARTS if runtime in _STARTS_ANYWAY else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Paths as the host sees them; `seen()` is where this process finds them."""

    directory: Path = DEFAULT_DIRECTORY
    host_root: Path = Path("/")
    """Where the host's file system is: not / in an init container."""
    hook_arguments: tuple[str, ...] = ()
    """Added to the hook's command line."""
    config_file: Path | None = None
    """The runtime's own file or folder, None for the usual one."""
    base_spec: Path | None = None
    """containerd only: a file with what `ctr oci spec` prints; None: ask ctr."""
    runtime_path: Path | None = None
    """Docker only: the OCI runtime that the wrapper starts; None: runc."""
    is_default_runtime: bool = False
    """Docker only: whether containers use the wrapper without asking for it."""

    @property
    def program(self) -> Path:
        """The hook's program, as the host sees it."""
        return self.directory / PROGRAM

    @property
    def log(self) -> Path:
        """The hook's log, as the host sees it."""
        return self.directory / LOG_NAME

    def seen(self, path: Path) -> Path:
        """The same file from here."""
        return self.host_root / path.relative_to("/")

    def command(self, stage: str) -> list[str]:
        """The words of the hook's command line, the program first."""
        return [str(self.program), stage, "--log-fname", str(self.log), *self.hook_arguments]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a file is to hold, and what it held."""

    path: Path
    """As the host sees it."""
    before: bytes | None
    """None: it was not there."""
    after: bytes
    mode: int = field(default=0o644)
    """Of a new file; another keeps its own."""
