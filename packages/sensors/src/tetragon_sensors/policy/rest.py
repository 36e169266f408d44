# SPDX-License-Identifier: Apache-2.0
"""`maxData`: the bytes of a buffer that a record has no room for, in records of their own.

They are sent before the record they belong to, which is known by thread, time and hook.
"""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.program.linker import Function
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import Emitter
from .frames import WordsFrame
from .reading import Stack
from .record import WALK_OFFSET, Offset

if TYPE_CHECKING:
    from .reading import Environment
    from .record import HitHeader

__all__ = ["BUFFER_BYTES", "KIND_REST", "RestOfBytes", "append_bytes", "rest_function"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

KIND_REST: Final = 18
BUFFER_BYTES: Final = 4095
"""Of a buffer, in the record itself."""
_MOST: Final = 327_360
"""Of a buffer, in all: as much as Tetragon sends."""
_CHUNK: Final = 4096
_HEAD: Final = Struct("<IHHIIIIQII")
_AT: Final = 8 + WALK_OFFSET
"""Of the scratch buffer: paths have been read when this is sent."""
_WAITING: Final = 256


class _Head(NamedTuple):
    size: int
    kind: int
    position: int
    hook: int
    length: int
    tid: int
    pad: int
    ktime: int
    offset: int
    pad_2: int


class _Place:
    """Offsets in _Head."""

    KIND: Final = 4
    POSITION: Final = 6
    HOOK: Final = 8
    LENGTH: Final = 12
    TID: Final = 16
    KTIME: Final = 24
    OFFSET: Final = 32
    BYTES: Final = _HEAD.size


_NAME: Final = "send_rest"


def rest_function(environment: Environment) -> Function:
    """`send_rest(scratch slot, address, size, position)`; the record's header has been written."""
    emitter = Emitter(_NAME, environment, WordsFrame(0))
    asm = emitter.asm
    asm.mov(R7, R2)
    asm.mov(R8, R3)
    asm.store(FP, Stack.SAVED, R4, 8)
    asm.store(FP, Stack.KEY, R1, 4)
    asm.mov(R2, FP)
    asm.alu("add", R2, Stack.KEY)
    asm.load_map(R1, environment.maps["scratch"])
    asm.call(Helper.MAP_LOOKUP_ELEM)
    asm.jump(R0, "==", 0, "done")
    asm.mov(R6, R0)
    asm.store(R6, _AT + _Place.KIND, KIND_REST, 2)
    asm.load(R1, FP, Stack.SAVED, 8)
    asm.store(R6, _AT + _Place.POSITION, R1, 2)
    for taken, to, size in (
        (Offset.HOOK, _Place.HOOK, 4),
        (Offset.TID, _Place.TID, 4),
        (Offset.KTIME, _Place.KTIME, 8),
    ):
        asm.load(R1, R6, 8 + taken, size)
        asm.store(R6, _AT + to, R1, size)
    asm.jump(R8, "<=", _MOST, "fits")
    asm.mov(R8, _MOST)
    asm.label("fits")
    asm.mov(R9, BUFFER_BYTES)
    asm.label("loop")
    asm.jump(R9, ">=", R8, "done")
    _write_chunk(emitter)
    asm.alu("add", R9, _CHUNK)
    asm.jump(R9, "<", _MOST, "loop")
    asm.label("done")
    asm.mov(R0, 0)
    asm.exit()
    return Function(asm, 4)


def _write_chunk(emitter: Emitter) -> None:
    """Send what is at R7 + R9, of R8 - R9 bytes."""
    asm = emitter.asm
    asm.mov(R2, R8)
    asm.alu("sub", R2, R9)
    asm.jump(R2, "<=", _CHUNK, "last")
    asm.mov(R2, _CHUNK)
    asm.label("last")
    asm.store(R6, _AT + _Place.LENGTH, R2, 4)
    asm.store(R6, _AT + _Place.OFFSET, R9, 4)
    asm.mov(R1, R6)
    asm.alu("add", R1, _AT + _Place.BYTES)
    asm.mov(R3, R7)
    asm.alu("add", R3, R9)
    asm.jump(R7, "s<", 0, "kernel")
    asm.call(Helper.PROBE_READ_USER)
    asm.goto("read")
    asm.label("kernel")
    asm.call(Helper.PROBE_READ_KERNEL)
    asm.label("read")
    asm.jump(R0, "s<", 0, "done")
    asm.load(R3, R6, _AT + _Place.LENGTH, 4)
    asm.jump(R3, ">", _CHUNK, "done")
    asm.alu("add", R3, _Place.BYTES)
    asm.store(R6, _AT, R3, 4)
    asm.mov(R2, R6)
    asm.alu("add", R2, _AT)
    asm.load_map(R1, emitter.environment.maps["ring"])
    asm.mov(R4, 0)
    asm.call(Helper.RINGBUF_OUTPUT)
    asm.jump(R0, "==", 0, "sent")
    emitter.count("LOST_HIT")
    asm.goto("done")
    asm.label("sent")


class RestOfBytes:
    """What came of buffers whose record has not come."""

    def __init__(self) -> None:
        self._parts: OrderedDict[tuple[int, int, int, int], bytearray] = OrderedDict()

    def add(self, record: bytes) -> None:
        """Keep a record's bytes, if they continue what is there. Raises ValueError."""
        if len(record) < _HEAD.size:
            raise ValueError(f"bytes of a hit in {len(record)} bytes, shorter than their header")
        head = _Head._make(_HEAD.unpack_from(record))
        key = (head.tid, head.ktime, head.hook, head.position)
        known = self._parts.setdefault(key, bytearray())
        if head.offset == BUFFER_BYTES + len(known):
            known += record[_HEAD.size : _HEAD.size + head.length]
        if len(self._parts) > _WAITING:
            self._parts.popitem(last=False)

    def take(self, header: HitHeader, position: int) -> bytes:
        """Those of an argument of the hit; empty when there are none."""
        return bytes(self._parts.pop((header.tid, header.ktime, header.hook, position), b""))


def append_bytes(value: ArgumentValue, rest: bytes) -> ArgumentValue:
    """A buffer that was cut, with what follows."""
    if not isinstance(value.value, dict) or "bytes_arg" not in value.value:
        return value
    whole = value.value["bytes_arg"] + rest
    if len(whole) < value.value["orig_size"]:
        return value._replace(value={**value.value, "bytes_arg": whole})
    return ArgumentValue("bytes_arg", whole, value.label)
