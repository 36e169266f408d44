# SPDX-License-Identifier: Apache-2.0
"""One process as the start-up walk over /proc found it. Values only; procfs.py fills them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .messages import ProcessKey

if TYPE_CHECKING:
    from .messages import Capabilities, Credentials, Namespaces

__all__ = ["ScannedProcess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedProcess:
    """None is "could not be read", never zero."""

    tgid: int
    ppid: int
    start_ktime_ns: int
    """Boot clock, in steps of TICK_NS."""
    comm: str
    kernel_thread: bool = False
    nspid: int = 0
    """Pid in its own pid namespace; 0 when that is the scanner's."""
    executable: str | None = None
    """Target of /proc/PID/exe."""
    argv: tuple[bytes, ...] | None = None
    cwd: str | None = None
    auid: int | None = None
    credentials: Credentials | None = None
    capabilities: Capabilities | None = None
    namespaces: Namespaces | None = None
    cgroup_id: int = 0
    cgroup: str = ""
    """Last component of its path."""
    container_id: str = ""
    environ: bytes | None = None
    """As it lies in the process's memory; None also when it was not wanted."""
    flags: int = 0
    """Bits of ExecFlag about the environment."""

    @property
    def key(self) -> ProcessKey:
        """The key the kernel side derives for a process it never saw being born."""
        return ProcessKey(self.tgid, self.start_ktime_ns)
