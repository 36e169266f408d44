# SPDX-License-Identifier: Apache-2.0
"""Which capabilities what needs, and which of them this process has.

One table, FEATURES: errors, `probe privileges`, the service's unit and the documents are made of it
or tested against it. It tries nothing: what a kernel lacks is told by those who try.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ADMIN", "FEATURES", "Feature", "Held", "feature", "lacking", "why_denied"]

ADMIN: Final = "CAP_SYS_ADMIN"
_BITS: Final = {
    "CAP_CHOWN": 0,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_SYSLOG": 34,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""include/uapi/linux/capability.h. Here, as the start of the agent reads none of the policies'."""
_IMPLIED: Final = {"CAP_BPF", "CAP_PERFMON"}
"""Who has CAP_SYS_ADMIN has these: bpf_capable() and perfmon_capable() of the kernel."""
_STATUS: Final = Path("/proc/self/status")
_PARANOID: Final = Path("/proc/sys/kernel/perf_event_paranoid")
_MOST_PARANOID: Final = 2
"""Above, as in Debian and Ubuntu, perf_event_open(2) is for CAP_SYS_ADMIN alone."""
_COUNTED: Final = (5, 11)
"""First release in which maps do not count as locked memory (RLIMIT_MEMLOCK)."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What somebody may want of the agent."""

    name: str
    """One word, for `probe privileges`."""
    needs: tuple[str, ...]
    """Capabilities, all of them."""
    purpose: str
    """What it is, with what of the kernel."""
    without: str
    """What there is in its place."""
    by_perf: bool = False
    """It opens perf events, for which distributions' kernels may want CAP_SYS_ADMIN."""
    by_locked_memory: bool = False
    """It is needed where maps are counted as locked memory."""
    is_quiet: bool = False
    """Nothing fails without: the agent tells when it starts."""


_BPF: Final = ("CAP_BPF", "CAP_PERFMON")
_NO_START: Final = "the agent does not start"
_NO_POLICY: Final = "the policy is refused"

FEATURES: Final = (
    Feature("events", _BPF, "each exec, fork and exit", _NO_START),
    Feature(
        "memory",
        ("CAP_SYS_RESOURCE",),
        "maps on kernels before 5.11, unless `ulimit -l` is `unlimited`",
        _NO_START,
        by_locked_memory=True,
    ),
    Feature(
        "processes",
        ("CAP_SYS_PTRACE",),
        "programs, namespaces and environments of processes that ran before the agent",
        "they are shown without these",
        is_quiet=True,
    ),
    Feature(
        "files",
        ("CAP_DAC_READ_SEARCH",),
        "files that belong to others: settings, certificates, programs to probe; for another user "
        "than root tracefs as well",
        "reading these fails",
    ),
    Feature("functions", _BPF, "policies on functions, by fentry, fexit, kprobe.multi", _NO_POLICY),
    Feature("lsm", _BPF, "policies on security hooks", _NO_POLICY),
    Feature("enforcement", _BPF, "signals and denials, also without the agent", _NO_POLICY),
    Feature("tracepoints", _BPF, "policies on tracepoints", _NO_POLICY, by_perf=True),
    Feature(
        "kprobes",
        _BPF,
        "policies on functions that only a kprobe can have",
        _NO_POLICY,
        by_perf=True,
    ),
    Feature(
        "uprobes",
        (*_BPF, ADMIN),
        "policies on programs' functions and USDT probes; kernels before 6.16 without the change "
        "ba677dbe77af want no CAP_SYS_ADMIN",
        _NO_POLICY,
        by_perf=True,
    ),
    Feature("writing", (*_BPF, ADMIN), "the action Set, which writes into a process", _NO_POLICY),
    Feature("modules", (ADMIN,), "policies on functions of kernel modules", _NO_POLICY),
    Feature(
        "symbols",
        ("CAP_SYSLOG",),
        "names of functions in stack traces of the kernel",
        "the traces have none",
        is_quiet=True,
    ),
    Feature("statistics", (ADMIN,), "`--enable-program-stats`", _NO_START),
    Feature(
        "inspection",
        (ADMIN,),
        "`debug`, `dump` and `bugtool` about BPF objects of others",
        "the command ends with an error",
    ),
    Feature(
        "bpffs",
        (ADMIN,),
        "mounting `/sys/fs/bpf`, where the host has not done it",
        "no policy outlives the agent",
    ),
    Feature("group", ("CAP_CHOWN",), "`--unix-socket-group`, owners of rotated files", _NO_START),
    Feature("ports", ("CAP_NET_BIND_SERVICE",), "listening on ports below 1024", _NO_START),
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a process may do, and what its kernel asks for."""

    effective: int
    """Set of capabilities, by bit number."""
    paranoid: int = _MOST_PARANOID
    """The setting kernel.perf_event_paranoid."""
    counts_memory: bool = False
    """Maps count as locked memory, and that is limited."""

    @classmethod
    def here(
        cls, status: Path = _STATUS, paranoid: Path = _PARANOID, release: str | None = None
    ) -> Held:
        """Those of this process. All capabilities where the kernel does not tell."""
        return cls(
            effective=_effective(status),
            paranoid=_number(paranoid),
            counts_memory=_version(release or os.uname().release) < _COUNTED and _is_limited(),
        )

    def has(self, capability: str) -> bool:
        """Whether it is there, or one that the kernel takes for it."""
        if self.effective >> _BITS[capability] & 1:
            return True
        return capability in _IMPLIED and self.has(ADMIN)

    def missing(self, wish: Feature) -> tuple[str, ...]:
        """Capabilities that the feature wants here and that are not there."""
        if wish.by_locked_memory and not self.counts_memory:
            return ()
        wants_admin = wish.by_perf and self.paranoid > _MOST_PARANOID
        wanted = dict.fromkeys((*wish.needs, *([ADMIN] if wants_admin else ())))
        return tuple(one for one in wanted if not self.has(one))

    def told(self, wish: Feature) -> str:
        """What is missing for it, as an error says it; empty when nothing is."""
        names = self.missing(wish)
        if not names:
            return ""
        text = f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} missing"
        if wish.by_perf and self.paranoid > _MOST_PARANOID:
            text += f" (kernel.perf_event_paranoid is {self.paranoid})"
        return text


def feature(name: str) -> Feature:
    """One of FEATURES."""
    return next(one for one in FEATURES if one.name == name)


def lacking(name: str) -> str:
    """What this process lacks for one of FEATURES; empty when that is nothing."""
    return Held.here().told(feature(name))


def why_denied() -> str:
    """What this process lacks, where the kernel does not tell what it wanted; empty: nothing.

    The least that has to be there comes first.
    """
    told = map(lacking, ("events", "memory", "statistics"))
    return next(filter(None, told), "")


def _effective(status: Path) -> int:
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return -1


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return _MOST_PARANOID


def _version(release: str) -> tuple[int, ...]:
    numbers = release.split("-", 1)[0].split(".")[:2]
    return tuple(int(each) for each in numbers if each.isdecimal())


def _is_limited() -> bool:
    import resource  # noqa: PLC0415  only old kernels are asked

    return resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY
