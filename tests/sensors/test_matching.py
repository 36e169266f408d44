# SPDX-License-Identifier: Apache-2.0
"""The code for a list of texts or networks says what Python says about them."""

from __future__ import annotations

import ipaddress
import random
from typing import TYPE_CHECKING, Final

import pytest

from sensors.bpf import Machine
from tetragon_sensors.policy.matching import emit_equal, emit_networks, emit_prefix, emit_suffix
from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

R0, R8, R9 = Register.R0, Register.R8, Register.R9
MODELS: Final[dict[Callable[..., None], Callable[[bytes, bytes], bool]]] = {
    emit_equal: bytes.__eq__,
    emit_prefix: bytes.startswith,
    emit_suffix: bytes.endswith,
}
ROOM: Final = 256


def finished(asm: Assembler) -> bytes:
    """Return 1 if the code jumped to `found`, else 0."""
    asm.mov(R0, 0)
    asm.exit()
    asm.label("found")
    asm.mov(R0, 1)
    asm.exit()
    return b"".join(asm.finish()[0])


def run(program: bytes, text: bytes, *, behind: bytes = b"") -> bool:
    """Execute it on a text, with other bytes behind it up to the end of the memory."""
    machine = Machine()
    memory = (text + behind).ljust(ROOM, b"\xff")
    machine.registers[8] = machine.map(memory)
    machine.registers[9] = len(text)
    return bool(machine.run(program))


def compiled(emit: Callable[..., None], values: Iterable[bytes]) -> bytes:
    """Code that asks whether a text matches one of the values."""
    asm = Assembler("test")
    emit(asm, R8, R9, values, "found")
    return finished(asm)


def relatives(values: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """The values, and texts that differ from one by a byte, or are longer or shorter by some."""
    texts = list(values)
    for value in values:
        texts += [value[:-1], value[1:], value + b"x", b"x" + value, value * 2]
        if value:
            place = chance.randrange(len(value))
            texts.append(value[:place] + bytes([value[place] ^ 0x80]) + value[place + 1 :])
    return texts


@pytest.mark.parametrize("emit", MODELS)
@pytest.mark.parametrize("length", range(41))
def test_one_value_of_every_length(emit: Callable[..., None], length: int) -> None:
    """The value alone, and everything that nearly is it."""
    chance = random.Random(length)
    value = chance.randbytes(length)
    program = compiled(emit, [value])

    for text in relatives([value], chance):
        assert MODELS[emit](text, value) == run(program, text), text


@pytest.mark.parametrize("emit", MODELS)
@pytest.mark.parametrize("seed", range(10))
def test_many_values(emit: Callable[..., None], seed: int) -> None:
    """Three hundred values of which many share starts and ends, some are empty or twice there."""
    chance = random.Random(seed)
    stems = [chance.randbytes(chance.randrange(20)) for _ in range(8)]
    values = [
        chance.choice(stems) + chance.randbytes(chance.randrange(6)) + chance.choice(stems)
        for _ in range(chance.choice([2, 9, 300]))
    ]
    if seed % 2:
        values = [value for value in values if len(value) > 2]
    program = compiled(emit, values)

    for text in relatives(chance.sample(values, min(40, len(values))), chance):
        expected = any(MODELS[emit](text, value) for value in values)
        assert expected == run(program, text), text


@pytest.mark.parametrize(
    ("emit", "value", "text"),
    [
        (emit_equal, b"/etc/passwd", b"/etc/pass"),
        (emit_prefix, b"/etc/passwd", b"/etc/pass"),
    ],
)
def test_bytes_behind_the_text_do_not_count(
    emit: Callable[..., None], value: bytes, text: bytes
) -> None:
    """What an earlier, longer text left in the buffer cannot complete a shorter one."""
    assert not run(compiled(emit, [value]), text, behind=value[len(text) :])


def test_no_values() -> None:
    """A list without values holds for nothing."""
    for emit in MODELS:
        assert not run(compiled(emit, []), b"text")


def test_an_empty_value() -> None:
    """Every text starts and ends with the empty one; only the empty one is equal to it."""
    assert [False, True, True] == [run(compiled(emit, [b""]), b"text") for emit in MODELS]
    assert [True, True, True] == [run(compiled(emit, [b""]), b"") for emit in MODELS]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [4, 16])
def test_networks(seed: int, size: int) -> None:
    """Addresses inside, at the edges and beside networks of every prefix length."""
    chance = random.Random(f"{seed} {size}")
    bits = 8 * size
    kind = ipaddress.IPv4Network if size == 4 else ipaddress.IPv6Network
    networks = [
        kind((chance.randbytes(size), chance.randint(0, bits) if seed else bits), strict=False)
        for _ in range(chance.choice([1, 2, 30]))
    ]
    given = [(one.network_address.packed, one.prefixlen) for one in networks]
    asm = Assembler("test")
    emit_networks(asm, R8, 0, given, "found")
    program = finished(asm)

    ends = [int(end) for one in networks for end in (one[0], one[-1])]
    numbers = {(end + step) % (1 << bits) for end in ends for step in (-1, 0, 1)}
    for number in sorted(numbers | {chance.getrandbits(bits) for _ in range(20)}):
        address = ipaddress.ip_address(number.to_bytes(size, "big"))
        expected = any(address in one for one in networks)
        assert expected == run(program, address.packed), address


@pytest.mark.parametrize("emit", MODELS)
def test_long_values(emit: Callable[..., None]) -> None:
    """Values as long as the longest text, which differ at the end only."""
    values = [b"a" * 4095 + end for end in (b"b", b"c")]

    asm = Assembler("test")
    emit(asm, R8, R9, values, "found")

    assert 2 * 512 < len(finished(asm)) // 8 < 5 * 512


@pytest.mark.parametrize("emit", MODELS)
def test_thousands_of_values(emit: Callable[..., None]) -> None:
    """Five thousand paths: a program with islands, and few steps for each text."""
    chance = random.Random(5)
    values = [f"/usr/lib/{chance.randrange(1 << 60)}.so.{n % 100}".encode() for n in range(5000)]
    program = compiled(emit, values)

    assert len(program) > 8 * 32_768
    for text in relatives(values[:200], chance):
        expected = any(MODELS[emit](text, value) for value in values)
        machine = Machine()
        machine.registers[8] = machine.map(text.ljust(ROOM, b"\xff"))
        machine.registers[9] = len(text)
        assert expected == bool(machine.run(program)), text
        assert machine.steps < 400
