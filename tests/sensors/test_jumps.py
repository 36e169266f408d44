# SPDX-License-Identifier: Apache-2.0
"""Programs longer than a jump: every jump still comes to its label, whatever lies between."""

from __future__ import annotations

import random

import pytest

from sensors.bpf import Machine
from tetragon_core.errors import LoadError
from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.linker import MOST_INSTRUCTIONS, Function, link
from tetragon_sensors.program.opcodes import INSTRUCTION, Register

R0, R1, R8 = Register.R0, Register.R1, Register.R8


def filler(asm: Assembler, count: int, chance: random.Random) -> None:
    """Instructions that cannot be cut anywhere, as wide loads are two."""
    end = len(asm) + count
    while len(asm) < end:
        asm.mov(R1, chance.choice([1, 1 << 40]))


def test_one_label_from_everywhere() -> None:
    """Jumps over up to 200,000 instructions, and what runs through all islands on its way."""
    chance = random.Random(1)
    asm = Assembler("test")
    asm.mov(R0, 0)
    for number in range(200):
        asm.jump(R8, "==", number, "end")
        filler(asm, 997, chance)
        asm.alu("add", R0, 1)
    asm.label("end")
    asm.exit()
    program = b"".join(asm.finish()[0])

    for number in (0, 1, 50, 120, 199, 200):
        machine = Machine()
        machine.registers[8] = number
        assert number == machine.run(program)


def test_many_labels() -> None:
    """A table of jumps to a thousand places up to 100,000 instructions away."""
    chance = random.Random(2)
    asm = Assembler("test")
    for number in range(1000):
        asm.jump(R8, "==", number, f"case {number}")
    asm.mov(R0, 7777)
    asm.exit()
    for number in range(1000):
        filler(asm, chance.choice([0, 97, 190]), chance)
        asm.label(f"case {number}")
        asm.mov(R0, number)
        asm.exit()
    program = b"".join(asm.finish()[0])

    for number in (0, 1, 333, 998, 999, 7777):
        machine = Machine()
        machine.registers[8] = number
        assert number == machine.run(program)


def test_islands_behind_a_goto() -> None:
    """Nothing runs into such a block, so there is no jump over it that nothing would reach."""
    asm = Assembler("test")
    asm.jump(R8, "==", 0, "end")
    for number in range(30_000):
        asm.goto(f"back {number}")
        asm.label(f"on {number}")
        asm.mov(R0, number)
        asm.exit()
        asm.label(f"back {number}")
        asm.jump(R8, "==", number, f"on {number}")
    asm.label("end")
    asm.exit()
    code, _ = asm.finish()
    jumps = {
        index + 1 + offset: index
        for index, (opcode, _, offset, _) in enumerate(map(INSTRUCTION.unpack, code))
        if opcode & 7 == 5
    }

    after_end = [index + 1 for index, one in enumerate(code) if one[0] in {0x05, 0x95}]
    assert [] == [index for index in after_end if index < len(code) and index not in jumps]


def test_calls_behind_islands() -> None:
    """A call's place is that in the finished code."""
    asm = Assembler("main")
    asm.jump(R8, "==", 0, "end")
    filler(asm, 70_000, random.Random(3))
    asm.label("end")
    asm.call_function("other")
    asm.exit()
    other = Assembler("other")
    other.mov(R0, 5)
    other.exit()

    program = link(asm, [Function(other, 0)])

    code = list(INSTRUCTION.iter_unpack(program.instructions))
    place = len(code) - 4
    assert (0x85, 0x10, 0, 1) == code[place]
    assert (0xB7, 0, 0, 5) == code[place + 2]


def test_short_code_has_no_islands() -> None:
    """What a jump reaches stays as it was written."""
    asm = Assembler("test")
    asm.jump(R8, "==", 0, "end")
    filler(asm, 19_990, random.Random(4))
    asm.label("end")
    asm.exit()

    assert len(asm) == len(asm.finish()[0])


def test_what_nothing_reaches_is_left_out() -> None:
    """Behind a goto or an exit, as far as no jump leads there; and gotos to what follows."""
    asm = Assembler("test")
    asm.goto("next")
    asm.label("next")
    asm.mov(R0, 1)
    asm.jump(R8, "==", 0, "kept")
    asm.exit()
    asm.mov(R0, 1 << 40)
    asm.call_function("other")
    asm.goto("never")
    asm.label("kept")
    asm.mov(R0, 2)
    asm.exit()
    asm.label("never")
    asm.mov(R0, 3)
    asm.exit()
    code, calls = asm.finish()

    assert [] == calls
    assert 5 == len(code)
    for number, result in ((0, 2), (1, 1)):
        machine = Machine()
        machine.registers[8] = number
        assert result == machine.run(b"".join(code))


def test_too_long_for_a_kernel() -> None:
    """No kernel would take it, and the error says what to do."""
    asm = Assembler("test")
    for _ in range(MOST_INSTRUCTIONS):
        asm.mov(R0, 0)
    asm.exit()

    with pytest.raises(LoadError, match=r"1,000,001 instructions.*several policies"):
        link(asm)
