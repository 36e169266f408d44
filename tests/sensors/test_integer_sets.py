# SPDX-License-Identifier: Apache-2.0
"""The code for a set of numbers says what the set's ranges say, for numbers of both signs."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from sensors.bpf import Machine
from tetragon_sensors.policy.integers import IntegerSet, emit_membership
from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EDGES = (0, 1, 127, 128, 255, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 63, (1 << 64) - 1)


def compiled(members: IntegerSet) -> Callable[[int], bool]:
    """The set as code; a call executes it."""
    asm = Assembler("test")
    emit_membership(asm, Register.R8, members, "found")
    asm.mov(Register.R0, 0)
    asm.exit()
    asm.label("found")
    asm.mov(Register.R0, 1)
    asm.exit()
    program = b"".join(asm.finish()[0])

    def ask(number: int) -> bool:
        machine = Machine()
        machine.registers[8] = number % (1 << 64)
        return bool(machine.run(program))

    return ask


def neighbours(ranges: Iterable[tuple[int, int]], *, signed: bool) -> set[int]:
    """Ends of all ranges, the numbers beside them, and where numbers wrap; all of 64 bits."""
    ends = {end for one in ranges for end in one} | set(EDGES) | {-edge for edge in EDGES}
    numbers = {(end + step) % (1 << 64) for end in ends for step in (-1, 0, 1)}
    return {one - (1 << 64) if signed and one >> 63 else one for one in numbers}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_code_of_random_sets(seed: int, signed: bool) -> None:  # noqa: FBT001  parametrized
    """Sets of up to 300 ranges, near each other and far apart."""
    chance = random.Random(f"{seed} {signed}")
    least, greatest = (-(1 << 63), (1 << 63) - 1) if signed else (0, (1 << 64) - 1)
    width = chance.choice([6, 10, 33, 63])
    ranges = []
    for _ in range(chance.choice([0, 1, 2, 3, 4, 5, 17, 300])):
        low = chance.randint(-(1 << width) if signed else 0, 1 << width)
        ranges.append((low, low + chance.choice([-1, 0, 0, 1, 5, 1 << 31])))
    ranges += chance.sample([(least, least), (greatest, greatest), (least, least + 9)], k=1)
    ranges = [(low, min(high, greatest)) for low, high in ranges]
    members = IntegerSet.of(ranges, signed=signed)
    ask = compiled(members)

    for number in sorted(neighbours(ranges, signed=signed)):
        assert any(low <= number <= high for low, high in ranges) == ask(number), number


def test_ranges_are_joined() -> None:
    """What overlaps or touches is one range; what ends before it starts is none."""
    members = IntegerSet.of([(5, 9), (1, 4), (20, 10), (30, 40), (35, 50), (60, 60)])

    assert ((1, 9), (30, 50), (60, 60)) == members.ranges


def test_whole_and_empty() -> None:
    """All numbers, and none."""
    everything = compiled(IntegerSet.of([(0, (1 << 64) - 1)]))
    nothing = compiled(IntegerSet.of([]))

    assert {True} == {everything(number) for number in EDGES}
    assert {False} == {nothing(number) for number in EDGES}


def test_search_takes_the_logarithm() -> None:
    """A number is found among 4,096 with few steps."""
    asm = Assembler("test")
    emit_membership(asm, Register.R8, IntegerSet.of((2 * n, 2 * n) for n in range(4096)), "found")
    asm.label("found")
    asm.mov(Register.R0, 0)
    asm.exit()
    machine = Machine()
    machine.registers[8] = 4000

    machine.run(b"".join(asm.finish()[0]))

    assert machine.steps <= 20
