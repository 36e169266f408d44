# SPDX-License-Identifier: Apache-2.0
"""Bytes that are no record are an error, never a message of made-up values."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from tetragon_core.cgroup_messages import CgroupFlag
from tetragon_core.messages import CgroupMessage, ExecMessage, ProcessKey, ThrottleMessage
from tetragon_sensors import _wire
from tetragon_sensors.decode import RecordError, decode

if TYPE_CHECKING:
    from struct import Struct

LAYOUTS: Final[dict[_wire.RecKind, tuple[Any, Struct]]] = {
    _wire.RecKind.EXEC: (_wire.RecExec, _wire.REC_EXEC),
    _wire.RecKind.FORK: (_wire.RecFork, _wire.REC_FORK),
    _wire.RecKind.EXIT: (_wire.RecExit, _wire.REC_EXIT),
    _wire.RecKind.THROTTLE: (_wire.RecThrottle, _wire.REC_THROTTLE),
    _wire.RecKind.CGROUP: (_wire.RecCgroup, _wire.REC_CGROUP),
}


def make_record(kind: _wire.RecKind, data: bytes = b"", **fields: int) -> bytes:
    """A record with zeros where nothing is given, and `data` behind it."""
    names, packed = LAYOUTS[kind]
    values = {"kind": int(kind), "size": packed.size + len(data)} | fields
    return packed.pack(*(values.get(name, 0) for name in names._fields)) + data


@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_cut_is_an_error(kind: _wire.RecKind) -> None:
    """A record of which any number of bytes is missing at its end."""
    record = make_record(kind)

    for length in range(len(record)):
        with pytest.raises(RecordError):
            decode(record[:length])
    message = decode(record)
    assert isinstance(message, CgroupMessage) or message.process == (0, 0)


def test_unknown_kind() -> None:
    """A kind of a future version."""
    record = bytearray(make_record(_wire.RecKind.EXIT))
    record[4] = 99

    with pytest.raises(RecordError, match="kind 99"):
        decode(bytes(record))


@pytest.mark.parametrize("size", [0, 1, 215, 217, 0xFFFF_FFFF])
def test_wrong_size_of_an_exec(size: int) -> None:
    """A size that is smaller than the record, larger than what came, or not that of its parts."""
    with pytest.raises(RecordError):
        decode(make_record(_wire.RecKind.EXEC, size=size))


@pytest.mark.parametrize("name", ["args_len", "cgroup_len", "cwd_len", "executable_len"])
def test_lengths_beyond_the_end(name: str) -> None:
    """A part that says it is longer than the record."""
    with pytest.raises(RecordError):
        decode(make_record(_wire.RecKind.EXEC, b"abc", **{name: 4}))


def test_unused_end_of_a_reservation() -> None:
    """Bytes behind the size a record says are not looked at."""
    record = make_record(_wire.RecKind.EXEC, b"a\0b\0", args_len=4)

    assert decode(record) == decode(record + b"\xff" * 1000)


def test_noise() -> None:
    """Random bytes are refused or decoded, nothing else is raised."""
    choice = random.Random(7)
    refused = 0
    for _ in range(2000):
        record = bytearray(choice.randbytes(choice.randrange(400)))
        if len(record) > 5:
            record[:6] = len(record).to_bytes(4, "little") + choice.randrange(1, 5).to_bytes(
                2, "little"
            )
        try:
            decode(bytes(record))
        except RecordError:
            refused += 1
    assert 0 < refused < 2000


@pytest.mark.parametrize(
    ("memory", "argv"),
    [
        (b"", ()),
        (b"\0", (b"",)),
        (b"a\0", (b"a",)),
        (b"a\0\0", (b"a", b"")),
        (b"\0\0b\0", (b"", b"", b"b")),
        (b"a\0cut", (b"a", b"cut")),
    ],
)
def test_argv(memory: bytes, argv: tuple[bytes, ...]) -> None:
    """How argv lies in memory, and what it is."""
    message = decode(make_record(_wire.RecKind.EXEC, memory, args_len=len(memory)))

    assert isinstance(message, ExecMessage)
    assert argv == message.argv


def test_environment_is_what_is_behind_argv() -> None:
    """With the flag; what argv is does not depend on it."""
    fields = {"args_len": 4, "flags": int(_wire.ExecFlag.ENVIRON)}

    message = decode(make_record(_wire.RecKind.EXEC, b"a\0b\0C=1\0", **fields))

    assert isinstance(message, ExecMessage)
    assert (b"C=1\0", (b"a", b"b")) == (message.environ, message.argv)


def test_an_empty_environment() -> None:
    """Nothing behind argv."""
    flags = int(_wire.ExecFlag.ENVIRON)

    message = decode(make_record(_wire.RecKind.EXEC, b"a\0", args_len=2, flags=flags))

    assert isinstance(message, ExecMessage)
    assert (b"", (b"a",)) == (message.environ, message.argv)


def test_parts_beyond_the_end_with_an_environment() -> None:
    """Only what is left over may be the environment."""
    flags = int(_wire.ExecFlag.ENVIRON)

    with pytest.raises(RecordError):
        decode(make_record(_wire.RecKind.EXEC, b"abc", args_len=4, flags=flags))


def test_throttle() -> None:
    """Whose fork or exec was too much, when, and the name of its cgroup."""
    fields = {"process_tgid": 5, "process_ktime": 6, "ktime": 7, "cgroup_id": 8}

    message = decode(make_record(_wire.RecKind.THROTTLE, b"a.scope", **fields))

    assert ThrottleMessage(ProcessKey(5, 6), 7, 8, b"a.scope") == message


def test_cgroup() -> None:
    """Which cgroup it is, what it is in, when, and what became of it."""
    fields = {"ktime": 7, "cgroup_id": 8, "parent_id": 9, "flags": int(_wire.CgroupFlag.NAME)}

    message = decode(make_record(_wire.RecKind.CGROUP, b"a\xff.scope", **fields))

    assert CgroupMessage(7, 8, 9, b"a\xff.scope", CgroupFlag.NAME) == message
    assert [(flag.name, flag.value) for flag in _wire.CgroupFlag] == [
        (flag.name, flag.value) for flag in CgroupFlag
    ]
