# SPDX-License-Identifier: Apache-2.0
"""The service as systemd runs it: asked and told by systemctl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tetragon_core.errors import TetragonError

from .layout import SERVICE

if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["NoManager", "ServiceManager", "Systemd", "has_systemd", "manager_of"]

_BOOTED: Final = Path("/run/systemd/system")
"""sd_booted(3)."""
_PROGRAMS: Final = (Path("/usr/lib/systemd/systemd"), Path("/lib/systemd/systemd"))
_TIMEOUT_S: Final = 400
"""More than the unit's own limit for a start."""


class ServiceManager(Protocol):
    """What installing needs of a service manager."""

    is_there: bool

    def is_active(self) -> bool:
        """Whether the service runs, or is about to."""

    def look_again(self) -> None:
        """Read units anew. Raises TetragonError."""

    def start(self) -> None:
        """Return when the service is ready. Raises TetragonError."""

    def stop(self) -> None:
        """Return when it has ended. Raises TetragonError."""

    def disable(self) -> None:
        """Have it started no more, for whatever reason. Raises TetragonError."""


class Systemd:
    """The systemd that runs this host."""

    is_there = True

    def is_active(self) -> bool:
        """As said."""
        done = _systemctl("is-active", SERVICE)
        return done.stdout.strip() in {"active", "activating", "reloading"}

    def look_again(self) -> None:
        """As said."""
        _told("daemon-reload")

    def start(self) -> None:
        """As said; a service that failed too often may start once more."""
        _systemctl("reset-failed", SERVICE)
        _told("start", SERVICE)

    def stop(self) -> None:
        """As said."""
        _told("stop", SERVICE)

    def disable(self) -> None:
        """As said."""
        _told("disable", SERVICE)


class NoManager:
    """Where no service manager runs, or the files are for another host."""

    is_there = False

    def is_active(self) -> bool:
        """Nothing runs."""
        return False

    def look_again(self) -> None:
        """Nobody looks."""

    start = stop = disable = look_again


def manager_of(layout: Layout) -> ServiceManager:
    """The one that runs the host of `layout`."""
    return Systemd() if layout.is_host and _BOOTED.is_dir() else NoManager()


def has_systemd(layout: Layout) -> bool:
    """Whether units are of use there: in an image it may not run yet, or come later."""
    return not layout.is_host or _BOOTED.is_dir() or any(one.exists() for one in _PROGRAMS)


def _told(*words: str) -> None:
    done = _systemctl(*words)
    if done.returncode != 0:
        why = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise TetragonError(f"systemctl {' '.join(words)}: {why}")


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  # words of this module
            ["systemctl", "--no-ask-password", *words],  # noqa: S607  # it is wherever PATH says
            capture_output=True,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TetragonError(f"systemctl {' '.join(words)}: {error}") from error
