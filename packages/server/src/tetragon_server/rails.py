# SPDX-License-Identifier: Apache-2.0
"""What the settings forbid enforcing policies, with the processes that are never killed looked up.

They are looked up once, when the agent starts: whoever has the number later is not meant.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.enforcement import EnforcementLimits
from tetragon_core.errors import UsageError
from tetragon_core.procstat import parse_stat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .config import AgentConfig

__all__ = ["enforcement_limits"]

_INIT: Final = 1
_PIDS_MAX: Final = 1 << 22
"""No kernel has more processes."""
_KILLS_MAX: Final = (1 << 32) - 1
_TGID: Final = re.compile(r"^Tgid:\s*(\d+)$", re.MULTILINE)
_PATH_BYTES: Final = 4096
"""PATH_MAX, with the byte that ends it: no process has a longer name."""


def enforcement_limits(config: AgentConfig) -> EnforcementLimits:
    """The limits of all policies. Raises UsageError for a value that cannot be meant."""
    if not 0 <= config.max_kills_per_minute <= _KILLS_MAX:
        raise UsageError(
            f"--max-kills-per-minute {config.max_kills_per_minute}: write a number from 0 (no"
            f" limit) to {_KILLS_MAX}"
        )
    root = Path(config.procfs)
    pids = {_INIT, *_line_of_self(root)}
    paths: set[str] = set()
    for value in config.never_kill:
        if value.startswith("/"):
            paths.update(_names_of(value))
        elif value.isascii() and value.isdecimal():
            pids.add(_pid_of(value, root))
        else:
            raise _wrong(value, "write a process id, or the absolute path of an executable")
    return EnforcementLimits(
        never_kill_pids=frozenset(pids),
        never_kill_paths=tuple(sorted(paths)),
        max_kills_per_minute=config.max_kills_per_minute,
    )


def _line_of_self(root: Path) -> Iterator[int]:
    """The agent and the processes above it, by the numbers of that proc file system."""
    try:
        pid = int(str((root / "self").readlink()))
    except OSError:
        pid = os.getpid()
    known: set[int] = set()
    while pid > 0 and pid not in known:
        known.add(pid)
        yield pid
        pid = _parent_of(pid, root)


def _parent_of(pid: int, root: Path) -> int:
    try:
        stat = parse_stat((root / str(pid) / "stat").read_bytes())
    except OSError:
        return 0
    return 0 if stat is None else stat.ppid


def _names_of(value: str) -> Iterable[str]:
    """The path, and where it leads on this host: the kernel knows a process by the latter."""
    if len(os.fsencode(value)) >= _PATH_BYTES:
        raise _wrong(f"{value[:40]}…", "the path is longer than any the kernel takes")
    if "\0" in value:
        raise _wrong(value.replace("\0", "\\0"), "a path has no zero byte")
    if value.endswith("/"):
        raise _wrong(value, "this is a directory; write the path of an executable")
    return os.path.normpath(value), os.path.realpath(value)


def _pid_of(value: str, root: Path) -> int:
    pid = int(value) if len(value) <= len(str(_PIDS_MAX)) else 0
    if not 0 < pid <= _PIDS_MAX:
        raise _wrong(value, f"a process id is a number from 1 to {_PIDS_MAX}")
    found = _TGID.search(_text_of(root / str(pid) / "status"))
    if found is None:
        raise _wrong(value, "there is no such process; name its executable instead")
    if int(found[1]) != pid:
        raise _wrong(value, f"this is a thread of process {found[1]}; write that number")
    return pid


def _text_of(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _wrong(value: str, why: str) -> UsageError:
    return UsageError(f"--never-kill {value or '(empty)'}: {why}")
