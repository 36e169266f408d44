# SPDX-License-Identifier: Apache-2.0
"""The sensor that is always on: every process's fork, exec and exit, through one ring buffer."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

from tetragon_core.stats import Counter

from . import _wire
from .base_config import SensorConfig, settings
from .base_runs import base_runs
from .beside import boot_ns, merged
from .container_cgroups import CONTAINER_CGROUPS, ContainerCgroups, container_map
from .decode import decode
from .features import check_kernel, program_copies
from .libbpf import LoadedObject, Map, Ring, possible_cpus
from .objects import read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tetragon_core.messages import Message
    from tetragon_core.program_runs import ProgramRuns
    from tetragon_core.stats import Stats

    from .beside import Beside

__all__ = ["BaseSensor", "SensorConfig"]

_OBJECTS: Final = ("exit", "exec", "fork", "cgroup")
_ALONE: Final = "cgroup"
"""Programs that are never skipped: the kernel calls them under a spinlock."""
_SHARED: Final = frozenset({"ring", "processes", "control", "counters", "seen", "cgroup_rates"})
"""Maps there is one of. Scratch memory is not among them: each copy of a program has its own."""
_RATES: Final = 8192
"""Cgroups whose forks and execs are counted; the busiest when there are more."""
_PAGE: Final = 4096
_KINDS: Final = 256
_KIND_BYTE: Final = 4
"""Kinds of records are less than 256 and stand here (struct rec_header)."""
_READINGS: Final = 4
_COUNTERS: Final = {
    _wire.Counter.LOST_EXEC: Counter.RING_LOST_EXEC,
    _wire.Counter.LOST_FORK: Counter.RING_LOST_FORK,
    _wire.Counter.LOST_EXIT: Counter.RING_LOST_EXIT,
    _wire.Counter.LOST_THROTTLE: Counter.RING_LOST_THROTTLE,
    _wire.Counter.LOST_CGROUP: Counter.RING_LOST_CGROUP,
    _wire.Counter.TABLE_FULL: Counter.PROCESS_TABLE_FULL,
    _wire.Counter.RATES_FULL: Counter.CGROUP_RATES_FULL,
    _wire.Counter.CONTAINERS_FULL: Counter.CONTAINER_CGROUPS_FULL,
}
_OVER: Final = _wire.CgroupRate._fields.index("over")
_LOSSES: Final = struct.Struct(f"<{_wire.Counter.TABLE_FULL}Q")
"""The counters of records the ring refused come first in the map."""


class BaseSensor:
    """Loaded and attached from construction to close(). Not thread-safe.

    The kernel fills the ring from the end of the construction on, with all kinds of events from the
    same instant; read it with drain() when fileno() is readable.
    """

    def __init__(self, config: SensorConfig, stats: Stats) -> None:
        """Raises UnsupportedKernelError, PermissionDeniedError or LoadError."""
        check_kernel()
        self._stats = stats
        self._cpus = possible_cpus() if config.rate else 0
        self._bad = 0
        self._missed = 0
        self._received = [0] * _KINDS
        self.decoders: dict[int, Callable[[bytes], Message | None]] = {}
        """Kind of record -> what reads it, for sensors that share the ring."""
        self._beside: tuple[Beside, ...] = ()
        with ExitStack() as stack:
            self._load(config, stack)
            self._ring = Ring(self._maps["ring"])
            stack.callback(self._ring.close)
            self._counts = self._maps["counters"].memory(_PAGE)
            stack.callback(self._counts.close)
            for loaded in self._objects.values():
                for copy in loaded:
                    copy.attach()
            self._arm()
            self._skipped_unarmed = min(self._unrescued_at_most() for _ in range(_READINGS))
            self._stack = stack.pop_all()
        self.controller = config.controller
        """Of the hierarchy whose cgroups are reported; empty for that of cgroup v2."""

    def _arm(self) -> None:
        """Let the programs handle events: one write, so all of them, on all CPUs, start together.

        While programs and their copies are attached one after the other nothing is handled, else an
        event for which the only copy yet attached was skipped would be lost.
        """
        with self._maps["control"].memory(_PAGE, writable=True) as memory:
            _wire.CONTROL.pack_into(memory, 0, 1)

    def _load(self, config: SensorConfig, stack: ExitStack) -> None:
        sizes = {
            "ring": config.ring_bytes_possible,
            "processes": config.process_entries,
            "cgroup_rates": _RATES if config.rate else 1,
        }
        copies = program_copies()
        containers = stack.enter_context(container_map())
        self.containers = ContainerCgroups(containers)
        """The cgroups of containers, for programs of policies; see map_fd(CONTAINER_CGROUPS)."""
        self._maps = {CONTAINER_CGROUPS: Map(containers.fd, containers.spec.max_entries)}
        self._objects: dict[str, list[LoadedObject]] = {name: [] for name in _OBJECTS}
        for name in _OBJECTS:
            image = read_object(name)
            for copy in range(1 if name == _ALONE else copies):
                loaded = LoadedObject(
                    name,
                    image,
                    sizes=sizes,
                    shared=self._maps,
                    to_share=_SHARED,
                    constants={".rodata.config": settings(config, copies, copy)},
                )
                self._objects[name].append(stack.enter_context(loaded))

    def fileno(self) -> int:
        """Descriptor that becomes readable when records wait."""
        return self._ring.fileno()

    def acknowledge(self) -> None:
        """Keep fileno() quiet until drain() has emptied the ring and another record came."""
        self._ring.acknowledge()

    def add_beside(self, source: Beside) -> None:
        """Have drain() take messages of a source beside the ring too. From any thread."""
        for fd in source.fds:
            self._ring.watch(fd)
        self._beside = (*self._beside, source)

    def remove_beside(self, source: Beside) -> None:
        """Take no more of it; drain() may be in it still. From any thread."""
        self._beside = tuple(one for one in self._beside if one is not source)
        for fd in source.fds:
            self._ring.unwatch(fd)

    def drain(self, limit: int) -> list[Message]:
        """Take `limit` messages of the ring, oldest first; fewer mean that it was emptied.

        Those of sources beside it come between them and are not counted. Records that cannot be
        read are counted and left out.
        """
        sources, began_ns = self._beside, boot_ns()
        messages: list[Message] = []
        while wanted := limit - len(messages):
            records = self._ring.read(wanted)
            self._decode_all(records, messages)
            if len(records) < wanted:
                break
        if not sources:
            return messages
        for source in sources:
            source.read()
        return merged(messages, sources, began_ns if len(messages) < limit else 0)

    def _decode_all(self, records: Sequence[bytes], messages: list[Message]) -> None:
        self._stats.add(Counter.RECORDS_READ, len(records))
        for record in records:
            try:
                message = self._decode(record)
            except ValueError:
                self._bad += 1
                self._stats.add(Counter.RECORDS_BAD)
            else:
                if message is not None:
                    messages.append(message)

    def _decode(self, record: bytes) -> Message | None:
        """A record of this sensor, or of another that shares the ring."""
        if len(record) <= _KIND_BYTE:
            return decode(record)
        kind = record[_KIND_BYTE]
        self._received[kind] += 1
        decoder = self.decoders.get(kind)
        return decode(record) if decoder is None else decoder(record)

    def received(self) -> Mapping[str, int]:
        """Records of this sensor's own kinds so far, by the kind's name; without those lost."""
        return {kind.name.lower(): self._received[kind] for kind in _wire.RecKind}

    @property
    def process_entries(self) -> int:
        """Processes the kernel's table can hold."""
        return self._maps["processes"].max_entries

    def map_fd(self, name: str) -> int:
        """Descriptor of a map that other sensors use too."""
        return self._maps[name].fd

    def cgroup_links(self) -> Sequence[int]:
        """Descriptors of what attaches the programs that keep the containers' cgroups.

        Pinned they go on without the agent: what is made in a container then belongs to it too.
        """
        return [fd for loaded in self._objects["cgroup"] for fd in loaded.link_fds()]

    def last_excess_ns(self, cgroup_id: int) -> int | None:
        """When a cgroup last did too much, on whichever CPU; None when it is no longer counted."""
        values = self._maps["cgroup_rates"].lookup(
            cgroup_id.to_bytes(8, "little"), _wire.CGROUP_RATE.size * self._cpus
        )
        if values is None:
            return None
        newest: int = max(one[_OVER] for one in _wire.CGROUP_RATE.iter_unpack(values))
        return newest

    def losses(self) -> int:
        """Records lost so far, as far as that is known without a system call."""
        refused: int = sum(_LOSSES.unpack_from(self._counts))
        return refused + self._bad + self._missed

    def counters(self) -> Mapping[Counter, int]:
        """Losses on the kernel side, absolute; costs no system call."""
        values = struct.unpack_from(f"<{_wire.Counter.MAX}Q", self._counts)
        counts = {counter: values[index] for index, counter in _COUNTERS.items()}
        counts[Counter.CONTAINER_CGROUPS_FULL] += self.containers.refused
        return counts

    def missed(self) -> Mapping[Counter, int]:
        """Calls the kernel made to no copy of a program, absolute; costs a system call for each.

        What the first copy was skipped for, less what another handled (bpf/include/seen.h).
        """
        skipped = self._skipped()
        self._missed = max(self._missed, skipped - self._rescued() - self._skipped_unarmed)
        return {Counter.PROGRAM_MISSED: self._missed}

    def program_runs(self) -> Sequence[ProgramRuns]:
        """Its programs, the copies of each together; costs a system call for each."""
        return base_runs(self._objects.values())

    def _skipped(self) -> int:
        """Calls that the first copies were skipped for."""
        return sum(copies[0].recursion_misses() for copies in self._objects.values())

    def _rescued(self) -> int:
        """Calls that another copy than the first took."""
        rescued: int = struct.unpack_from("<Q", self._counts, 8 * _wire.Counter.RESCUED)[0]
        return rescued

    def _unrescued_at_most(self) -> int:
        """Calls that no copy took, and those on their way from the first copy to the next.

        Rescued ones are read first: one that is both skipped and rescued meanwhile makes the result
        too high, never too low. So right after the sensor was armed the least of a few readings is
        what was skipped before that and does not count, to the last call, but for one that no copy
        takes in these microseconds, or one that is kept on its way for all of them.
        """
        rescued = self._rescued()
        return self._skipped() - rescued

    def close(self) -> None:
        """Detach and free everything; idempotent."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
