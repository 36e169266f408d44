# SPDX-License-Identifier: Apache-2.0
"""The kernel takes our maps and programs, and gets all of them back."""

from __future__ import annotations

import struct
from typing import Final

import pytest

from kernel.descriptors import nothing_leaks
from sensors.btf_blob import BtfBlob
from tetragon_core.errors import LoadError, PermissionDeniedError
from tetragon_sensors.kernel.btf import Kind
from tetragon_sensors.kernel.calls import close_fd
from tetragon_sensors.kernel.maps import (
    Map,
    MapFlag,
    MapKind,
    MapSpec,
    create_map,
    possible_cpus,
)
from tetragon_sensors.kernel.programs import (
    Functions,
    Program,
    ProgramKind,
    load_btf,
    load_program,
)

RETURN_7: Final = bytes.fromhex("b700000007000000 9500000000000000")
UNWRITTEN: Final = bytes.fromhex("bf50000000000000 9500000000000000")
"""Returns a register that nobody has written."""
CALLS: Final = bytes.fromhex(
    "b701000001000000 8510000001000000 9500000000000000 b700000009000000 9500000000000000"
)
"""A function that returns what another does, which begins at the fourth instruction."""
REPEATED: Final = 100

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


def key(number: int) -> bytes:
    """A key or value of 4 bytes."""
    return struct.pack("=I", number)


@pytest.mark.parametrize("kind", [MapKind.HASH, MapKind.LRU_HASH])
def test_hash(kind: MapKind) -> None:
    """What is written can be read, listed and deleted."""
    with create_map(MapSpec(kind=kind, max_entries=64)) as entries:
        entries.update_many((key(number), key(number * 3)) for number in range(40))
        entries.update(key(3), b"abcd")
        listed = dict(entries.items())

        assert {key(n): key(n * 3) for n in range(40)} | {key(3): b"abcd"} == listed
        assert entries.delete(key(3))
        assert not entries.delete(key(3))
        assert entries.lookup(key(3)) is None
        entries.clear()
        assert [] == list(entries.keys())


def test_full_hash() -> None:
    """A map that is full says so."""
    with create_map(MapSpec(kind=MapKind.HASH, max_entries=2, name="small")) as entries:
        entries.update_many([(key(1), key(1)), (key(2), key(2))])

        with pytest.raises(LoadError, match=r"cannot write map small: too big"):
            entries.update(key(3), key(3))


def test_prefixes() -> None:
    """In an LPM trie the longest prefix is found, whether many were written at once or not."""
    spec = MapSpec(kind=MapKind.LPM_TRIE, key_bytes=8, max_entries=8, flags=MapFlag.NO_PREALLOC)
    with create_map(spec) as trie:
        prefixes = {8: bytes([10, 0, 0, 0]), 16: bytes([10, 1, 0, 0])}
        trie.update_many((key(bits) + address, key(bits)) for bits, address in prefixes.items())

        assert key(16) == trie.lookup(key(32) + bytes([10, 1, 2, 3]))
        assert key(8) == trie.lookup(key(32) + bytes([10, 2, 2, 3]))
        assert trie.lookup(key(32) + bytes([11, 2, 2, 3])) is None


def test_array_in_memory() -> None:
    """A value written in shared memory is the map's."""
    spec = MapSpec(kind=MapKind.ARRAY, value_bytes=8, max_entries=600, flags=MapFlag.MMAPABLE)
    with create_map(spec) as values, values.memory(writable=True) as memory:
        memory[599 * 8 : 600 * 8] = b"12345678"

        assert b"12345678" == values.lookup(key(599))


def test_frozen_array() -> None:
    """After freeze() user space cannot write."""
    spec = MapSpec(kind=MapKind.ARRAY, flags=MapFlag.READ_ONLY_FOR_PROGRAMS, name="constants")
    with create_map(spec) as values:
        values.update(key(0), key(5))
        values.freeze()

        with pytest.raises(PermissionDeniedError, match="cannot write map constants"):
            values.update(key(0), key(6))
        assert key(5) == values.lookup(key(0))


def test_value_of_each_cpu() -> None:
    """A per-CPU array has as many values as there can be CPUs, each of its own size."""
    with create_map(MapSpec(kind=MapKind.PERCPU_ARRAY, value_bytes=12)) as values:
        padded = b"".join(bytes([cpu]) * 12 + bytes(4) for cpu in range(possible_cpus()))
        values.update(key(0), padded)

        assert [bytes([c]) * 12 for c in range(possible_cpus())] == values.lookup_per_cpu(key(0))


def test_map_of_maps() -> None:
    """An inner map may be larger than the one the outer was made with."""
    inner = MapSpec(kind=MapKind.HASH, max_entries=4, flags=MapFlag.NO_PREALLOC)
    larger = MapSpec(kind=MapKind.HASH, max_entries=400, flags=MapFlag.NO_PREALLOC)
    with create_map(inner) as like, create_map(larger) as held:
        outer = MapSpec(kind=MapKind.HASH_OF_MAPS, max_entries=2, inner=like)
        with create_map(outer) as maps:
            maps.update(key(1), key(held.fd))

            assert maps.lookup(key(1)) is not None
            assert [key(1)] == list(maps.keys())


def test_stacks() -> None:
    """A stack trace map is made, and is empty."""
    spec = MapSpec(kind=MapKind.STACK_TRACE, value_bytes=8 * 32, max_entries=16)
    with create_map(spec) as stacks:
        assert stacks.lookup(key(3)) is None
        assert [] == list(stacks.keys())


def test_wrong_sizes() -> None:
    """A key or value of another size is never handed to the kernel."""
    with create_map(MapSpec(kind=MapKind.HASH)) as entries:
        with pytest.raises(ValueError, match="a key has 4 bytes, not 1"):
            entries.lookup(b"1")
        with pytest.raises(ValueError, match="a value has 4 bytes, not 5"):
            entries.update(key(1), b"12345")
        with pytest.raises(ValueError, match="has not the size"):
            entries.update_many([(key(1), b"12345")])


def test_borrowed_map() -> None:
    """A map whose descriptor is another's stays open."""
    with create_map(MapSpec(kind=MapKind.ARRAY)) as values:
        Map(values.fd, values.spec, owned=False).close()

        assert key(0) == values.lookup(key(0))


def load(instructions: bytes) -> Program:
    """A raw tracepoint program."""
    return load_program(ProgramKind.RAW_TRACEPOINT, instructions, name="test")


def test_program() -> None:
    """A program runs, and the kernel tells about it."""
    with load(RETURN_7) as program:
        info = program.info()

        assert 2 == info.instructions
        assert info.verified_instructions in {2, None}
        assert 0 == info.recursion_misses
        assert 7 == program.run(bytes(16))


def test_refused_program() -> None:
    """A refusal has the verifier's reason in the message, and its log."""
    with pytest.raises(LoadError, match=r"refused program test: .*\(R5 !read_ok\)") as caught:
        load(UNWRITTEN)

    assert "r0 = r5" in caught.value.log


def test_functions_with_types() -> None:
    """A program has a global function when the kernel gets its types."""
    blob = BtfBlob()
    number = blob.integer(Kind.INT, "int", 4, signed=True)
    context = blob.add(Kind.PTR, word=0)
    main = blob.prototype(Kind.FUNC_PROTO, number, [("context", context)])
    main = blob.add(Kind.FUNC, "main", word=main)
    callee = blob.prototype(Kind.FUNC_PROTO, number, [("a", number)])
    callee = blob.add(Kind.FUNC, "callee", word=callee, count=1)
    btf_fd = load_btf(blob.image())
    try:
        functions = Functions(btf_fd, struct.pack("=4I", 0, main, 3, callee))
        program = load_program(ProgramKind.RAW_TRACEPOINT, CALLS, functions=functions)
    finally:
        close_fd(btf_fd)

    with program:
        assert 9 == program.run(bytes(16))


def test_refused_types() -> None:
    """Types that are none are refused with the kernel's reason."""
    with pytest.raises(LoadError, match=r"refused type information: .*\(.+\)"):
        load_btf(b"no types")


def test_repeated() -> None:
    """A hundred maps and programs, opened and closed, leave nothing."""
    for _ in range(REPEATED):
        with load(RETURN_7), create_map(MapSpec(kind=MapKind.HASH)):
            pass
