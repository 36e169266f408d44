# SPDX-License-Identifier: Apache-2.0
"""A machine for whole programs: maps, a clock, and the helpers that programs which enforce call."""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, Final

from sensors.bpf import Machine, MachineError
from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.policy.record import HEADER, HEADER_BYTES, SCRATCH_BYTES, HitHeader
from tetragon_sensors.policy.state import LEDGER, STATE_MAP, StateOffset, ledger_offset

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KernelMachine", "state_word"]

_U32: Final = (1 << 32) - 1
_U64: Final = (1 << 64) - 1
_STACK_BYTES: Final = 512
_CONTEXT_BYTES: Final = 256
_MAP: Final = 0x7000_0000_0000
"""A map's own address: its number is added."""
_SIZES: Final = {
    "processes": (4, 8),
    "protected": (4, 8),
    "verdicts": (8, 16),
    "pending": (16, 24),
    "scratch": (4, SCRATCH_BYTES),
    "hook_counters": (4, 64),
    "state": (4, STATE_MAP.value_bytes),
    "notes": (4, 24),
    "acted": (16, 8),
    "ring": (0, 0),
}
"""Bytes of a key and of a value."""
_SWITCHES: Final = ("nvcsw", "nivcsw")
_ARRAYS: Final = {"scratch": 2, "hook_counters": 1, "state": 1, "notes": 2}
"""With so many entries."""


class KernelMachine(Machine):
    """State that outlives programs: maps, what was sent to whom, what came out."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = {name: number for number, name in enumerate(_SIZES, 1)}
        """As Environment has them: numbers in place of descriptors."""
        self.tgid, self.tid = 4000, 4001
        self.now_ns = 10**12
        self.switches = (30, 40)
        """How often the thread gave up the processor, and was made to."""
        self.signals: list[tuple[int, int]] = []
        """Process and number of each signal."""
        self.signal_result = 0
        """What the kernel answers to a signal; negative: an errno."""
        self.is_full = False
        """Whether maps have no room for more."""
        self.records: list[bytes] = []
        self._values: dict[str, dict[bytes, int]] = {name: {} for name in _SIZES}
        for name, entries in _ARRAYS.items():
            for slot in range(entries):
                self.set(name, slot.to_bytes(4, "little"), bytes(_SIZES[name][1]))
        self.set("processes", struct.pack("<I", self.tgid), struct.pack("<Q", 77))
        self._helpers: dict[int, Callable[[], int]] = {
            1: self._lookup,
            2: self._update,
            3: self._delete,
            14: lambda: self.tgid << 32 | self.tid,
            109: self._signal,
            125: lambda: self.now_ns,
            130: self._output,
            158: self._task,
        }

    # ---- what a test sets and sees ----

    def set(self, name: str, key: bytes, value: bytes) -> None:
        """Enter a value in a map."""
        assert (len(key), len(value)) == _SIZES[name]
        self._values[name][key] = self.map(value)

    def table(self, name: str) -> dict[bytes, bytes]:
        """All of a map."""
        return {key: self.content(place) for key, place in self._values[name].items()}

    def set_state(self, offset: int, value: int) -> None:
        """Store a word of the policy's state, as the agent does."""
        memory, at = self._place(self._state() + offset, 8)
        memory[at : at + 8] = value.to_bytes(8, "little")

    def state(self, offset: int) -> int:
        """A word of the policy's state."""
        return state_word(self.content(self._state()), offset)

    @property
    def ledger(self) -> dict[str, int]:
        """Counters that are not 0."""
        counts = {name: self.state(ledger_offset(name)) for name in LEDGER}
        counts["last_errno"] = self.state(StateOffset.LAST_ERRNO)
        return {name: count for name, count in counts.items() if count}

    @property
    def headers(self) -> list[HitHeader]:
        """Of the records that came out."""
        return [HitHeader(*HEADER.unpack(record[:HEADER_BYTES])) for record in self.records]

    def enter(self, program: bytes, *words: int) -> int:
        """Run a program with these words as its context; what it returned, with its sign."""
        context = b"".join((word & _U64).to_bytes(8, "little") for word in words)
        self.registers = [None] * 11
        self.registers[1] = self.map(context.ljust(_CONTEXT_BYTES, b"\0"))
        self.registers[10] = self.map(bytes(_STACK_BYTES)) + _STACK_BYTES
        result = self.run(program)
        return result - (1 << 64) if result >> 63 else result

    # ---- what a program calls ----

    def wide(self, kind: int, low: int, high: int) -> int:
        """Numbers, maps, and addresses in the value of an array."""
        if kind == 1:
            return _MAP + low
        if kind == 2:
            return self._only(self._name(_MAP + low)) + high
        return super().wide(kind, low, high)

    def call(self, kind: int, number: int) -> None:
        """A helper; R1 to R5 are lost."""
        if kind or number not in self._helpers:
            raise MachineError(f"no call {kind} of {number} here")
        self.registers[0] = self._helpers[number]() & _U64
        self.registers[1:6] = [None] * 5

    def _state(self) -> int:
        return self._only("state")

    def _only(self, name: str) -> int:
        (place,) = self._values[name].values()
        return place

    def _name(self, handle: int) -> str:
        return next(name for name, number in self.maps.items() if number == handle - _MAP)

    def _bytes(self, address: int, size: int) -> bytes:
        memory, at = self._place(address, size)
        return bytes(memory[at : at + size])

    def _key(self) -> tuple[str, bytes]:
        name = self._name(self._get(1))
        return name, self._bytes(self._get(2), _SIZES[name][0])

    def _lookup(self) -> int:
        name, key = self._key()
        return self._values[name].get(key, 0)

    def _update(self) -> int:
        name, key = self._key()
        if self.is_full:
            return -7
        self.set(name, key, self._bytes(self._get(3), _SIZES[name][1]))
        return 0

    def _delete(self) -> int:
        name, key = self._key()
        return 0 if self._values[name].pop(key, None) else -2

    def _task(self) -> int:
        places = [_types().member("task_struct", name).offset_bytes for name in _SWITCHES]
        memory = bytearray(max(places) + 8)
        for place, number in zip(places, self.switches, strict=True):
            memory[place : place + 8] = number.to_bytes(8, "little")
        return self.map(bytes(memory))

    def _signal(self) -> int:
        if not self.signal_result:
            self.signals.append((self.tgid, self._get(1) & _U32))
        return self.signal_result

    def _output(self) -> int:
        self.records.append(self._bytes(self._get(2), self._get(3)))
        return 0


@functools.cache
def _types() -> Btf:
    return Btf.vmlinux()


def state_word(memory: bytes, offset: int) -> int:
    """Eight bytes of a policy's state."""
    return int.from_bytes(memory[offset : offset + 8], "little")
