# SPDX-License-Identifier: Apache-2.0
"""What processes load, where no program can be attached to a function: mappings out of perf's
buffers, as hits. Whose they are is known from what the ring says about processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue, HookMessage
from tetragon_core.messages import CgroupMessage, ExitMessage, ProcessKey, ThrottleMessage
from tetragon_core.procfs import ProcScanner
from tetragon_sensors.buildid import find_build_id

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

    from tetragon_core.hooks import HookInfo
    from tetragon_core.messages import Message
    from tetragon_sensors.kernel import mappings
    from tetragon_sensors.kernel.facts import Kernel
    from tetragon_sensors.kernel.maps import Map

__all__ = [
    "LoadSource",
    "LoaderPlan",
    "explain_loader",
    "known_processes",
    "load_arguments",
    "read_build_id",
]

_POST: Final = 1
"""Of enum KprobeAction."""
_DELETED: Final = " (deleted)"


@dataclass(frozen=True, slots=True)
class LoaderPlan:
    """What `loader: true` of a policy comes to, beside a program."""

    hook: int
    """Number of the hook."""
    info: HookInfo
    name: str
    """Function of the kernel where mappings are told of."""
    method: str
    mark: int = 0
    """Of perf events, for the program to know its own; 0: no program, their records are read."""


class LoadSource:
    """Mappings of code as messages, to be merged into those of the ring."""

    def __init__(
        self, plan: LoaderPlan, buffers: mappings.MappingBuffers, posted: Counter[int]
    ) -> None:
        """It owns the buffers, and gives nothing before `know`. `posted` counts by hook."""
        self.fds: Sequence[int] = buffers.fds
        self._plan = plan
        self._posted = posted
        self._buffers = buffers
        self._lock = Lock()
        self._is_open = True
        self._waiting: list[mappings.Mapping] = []
        self._keys: dict[int, int] = {}
        """tgid -> ktime of the image that runs, at the time of what went out last."""
        self._is_known = False

    @property
    def lost(self) -> int:
        """Mappings that full buffers refused."""
        return self._buffers.lost

    def know(self, processes: Mapping[int, int]) -> None:
        """These run already; what was seen of them meanwhile is newer. From any thread."""
        for tgid, ktime_ns in processes.items():
            self._keys.setdefault(tgid, ktime_ns)
        self._is_known = True

    def read(self) -> None:
        """Take in what is there."""
        with self._lock:
            if self._is_open and (found := self._buffers.read()):
                self._waiting += found
                self._waiting.sort(key=_time)

    def until(self, ktime_ns: int) -> Iterator[HookMessage]:
        """The hits up to that time."""
        if not self._is_known:
            return
        count = 0
        for mapping in self._waiting:
            if mapping.ktime_ns > ktime_ns:
                break
            count += 1
            yield self._message(mapping)
        del self._waiting[:count]

    def see(self, message: Message) -> None:
        """Learn who runs from forks, execs and exits."""
        if isinstance(message, (HookMessage, ThrottleMessage, CgroupMessage)):
            return
        if isinstance(message, ExitMessage):
            self._keys.pop(message.process_tgid, None)
        else:
            self._keys[message.process_tgid] = message.process_ktime_ns

    def _message(self, mapping: mappings.Mapping) -> HookMessage:
        self._posted[self._plan.hook] += 1
        build_id = mapping.build_id or read_build_id(
            mapping.pid, mapping.start, mapping.length, mapping.path, mapping.inode
        )
        return HookMessage(
            process=ProcessKey(mapping.pid, self._keys.get(mapping.pid, 0)),
            tid=mapping.tid,
            ktime_ns=mapping.ktime_ns,
            info=self._plan.info,
            action=_POST,
            arguments=load_arguments(mapping.path, build_id),
        )

    def close(self) -> None:
        """Give up the buffers; idempotent. From any thread."""
        with self._lock:
            self._is_open = False
            self._buffers.close()


def _time(mapping: mappings.Mapping) -> int:
    return mapping.ktime_ns


def load_arguments(path: str, build_id: bytes) -> tuple[ArgumentValue, ArgumentValue]:
    """The arguments of a hit of HookEvent.LOADER."""
    return ArgumentValue("string_arg", path), ArgumentValue("bytes_arg", build_id)


def read_build_id(tgid: int, start: int, length: int, path: str, inode: int) -> bytes:
    """Of a mapped file the kernel did not read it of: empty if it has none, or cannot be found.

    The file may have lost its name, or the process may be gone by now: then its path leads to it
    for who sees the same files; its inode number tells.
    """
    end = start + length
    name = path.removesuffix(_DELETED)
    for place in (
        f"/proc/{tgid}/map_files/{start:x}-{end:x}",
        f"/proc/{tgid}/root{name}",
        name,
    ):
        try:
            found = find_build_id(place, inode)
        except OSError:
            continue
        if found is not None:
            return found
    return b""


def explain_loader(plan: LoaderPlan | None, kernel: Kernel) -> Iterator[str]:
    """Lines about mappings that no program sends; the program of others is explained as it is."""
    if plan is None or plan.mark:
        return
    yield f"\n{plan.name}"
    yield f"  attached by    {plan.method}"
    if kernel.btf.find_function(plan.name) is None:
        yield f"  why            no fentry: the kernel's types have no function {plan.name}"
    else:
        for name, ability in (
            ("fentry", kernel.abilities.can_fentry),
            ("kprobe", kernel.abilities.can_kprobe),
        ):
            yield f"  why            no {name}: {ability.reason}"
    yield "  reports        when a file is mapped as code, read from perf's buffers"


def known_processes(table: Map) -> dict[int, int]:
    """Tgid -> ktime of each process's key: of those older than the sensor, and of the rest."""
    found = {one.key.tgid: one.key.ktime_ns for one in ProcScanner().scan()}
    for key, value in table.items():
        found[int.from_bytes(key, "little")] = int.from_bytes(value[:8], "little")
    return found
