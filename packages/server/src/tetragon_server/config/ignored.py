# SPDX-License-Identifier: Apache-2.0
"""Options of Tetragon that are accepted and change nothing: what happens instead of each.

A configuration made for Tetragon starts; a value other than Tetragon's default gets one warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .kinds import FLAG, TEXT, Kind

__all__ = ["IGNORED", "Ignored"]


@dataclass(frozen=True, slots=True)
class Ignored:
    """One of them."""

    name: str
    default: str
    """Tetragon's."""
    instead: str
    """What happens here, in one clause."""

    @property
    def kind(self) -> Kind:
        """On and off are flags; all else is taken as it comes."""
        return FLAG if self.default in {"true", "false"} else TEXT

    def is_default(self, text: str) -> bool:
        """Whether `text` says what happens anyway."""
        try:
            return not text or self.kind.parse(text) == self.kind.parse(self.default)
        except ValueError:
            return False


_FOLLOWED: Final = "the cgroups of containers, and those inside, are always followed"
_NO_GO: Final = "the agent is no Go program; use py-spy or perf"
_BUILT_IN: Final = "programs are part of the executable and fit themselves to the running kernel"
_PARENTS: Final = "policies always know the parents of processes"
_BY_CGROUP: Final = "the table of policies' filters is one by cgroup already"

IGNORED: Final = (
    Ignored("health-server-interval", "10", "the health service tells how it is when it is asked"),
    Ignored(
        "enable-msg-handling-latency",
        "false",
        "the handling of events is not timed: that would cost more than the handling",
    ),
    Ignored("gops-address", "", _NO_GO),
    Ignored("pprof-address", "", _NO_GO),
    Ignored("cpuprofile", "", _NO_GO),
    Ignored("memprofile", "", _NO_GO),
    Ignored("enable-policy-filter-cgroup-map", "false", _BY_CGROUP),
    Ignored("parents-map-enabled", "false", _PARENTS),
    Ignored("parents-map-entries", "0", _PARENTS),
    Ignored("parents-map-size", "", _PARENTS),
    Ignored(
        "enable-pod-info",
        "false",
        "no objects PodInfo are made: workloads are found in the events, and pods in the API",
    ),
    Ignored("enable-cgidmap-debug", "false", _FOLLOWED),
    Ignored("enable-cgtrackerid", "true", _FOLLOWED),
    Ignored("netns-dir", "/var/run/docker/netns/", "nothing reads it, in Tetragon either"),
    Ignored("bpf-lib", "/var/lib/tetragon/", _BUILT_IN),
    Ignored("btf", "", "the kernel's types are always those of /sys/kernel/btf/vmlinux"),
    Ignored("kernel", "", "the running kernel is asked what it can do"),
    Ignored("force-small-progs", "false", _BUILT_IN),
    Ignored("force-large-progs", "false", _BUILT_IN),
    Ignored(
        "release-pinned-bpf",
        "true",
        "policies of an earlier agent are taken over without a gap, then its pins are removed",
    ),
    Ignored("rb-queue-size", "65535", "records are handled as they are read; no queue is between"),
    Ignored("use-perf-ring-buffer", "false", "the BPF ring buffer is used, which loses less"),
    Ignored("disable-process-cache", "false", "the cache is needed; process-cache-size bounds it"),
    Ignored("data-cache-size", "1024", "long arguments come in one piece"),
    Ignored(
        "retprobes-cache-size", "4096", "the table of calls that have not returned has its size"
    ),
    Ignored("sleepable-preload-size", "32768", "nothing is preloaded"),
    Ignored(
        "disable-kprobe-multi", "false", "functions are hooked in other ways than kprobe-multi"
    ),
    Ignored("verbose", "0", "a program the kernel refuses is told with the verifier's reason"),
)
"""Every option of Tetragon that is not in OPTIONS."""
