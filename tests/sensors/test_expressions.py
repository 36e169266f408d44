# SPDX-License-Identifier: Apache-2.0
"""The code of an expression says what the expression says, whatever the numbers."""

from __future__ import annotations

import operator
import random
from typing import TYPE_CHECKING, Final

import pytest

from sensors.bpf import Machine
from tetragon_core.policy.expressions import Call, Expression, Literal, Operand, parse_expression
from tetragon_sensors.policy.expressions import MAX_WAITING, ExpressionCode, waiting_numbers
from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES: Final = ("int32", "uint32", "int64", "uint64", "int8", "uint16")
KINDS: Final = ("int32", "uint32", "int64", "uint64")
PROMOTED: Final = (*KINDS, "int32", "uint32")
BITS: Final = (32, 32, 64, 64, 8, 16)
EDGES: Final = [
    edge + step
    for edge in (0, 0x7F, 0x80, 0xFF, 1 << 15, 1 << 16, 1 << 31, 1 << 32, 1 << 63, 1 << 64)
    for step in (-2, -1, 0, 1, 2)
]
STACK: Final = 512


def wrapped(value: int, bits: int, *, signed: bool) -> int:
    """What is left of a number in a type."""
    value %= 1 << bits
    return value - (1 << bits) if signed and value >> bits - 1 else value


OPERATIONS: Final[dict[str, Callable[..., int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&&": operator.and_,
    "||": operator.or_,
    "!": operator.not_,
    "not": operator.invert,
    "cast": operator.pos,
}


def evaluate(part: Expression, arguments: list[int]) -> int:
    """The value of the tree, with Python's numbers."""
    match part:
        case Literal():
            return part.value
        case Operand():
            return arguments[part.position]
        case Call():
            value = OPERATIONS[part.name](*(evaluate(one, arguments) for one in part.parts))
            bits, signed = part.kind.bits, part.kind.signed
            return wrapped(value, bits, signed=signed) if bits else int(value)


def compiled(tree: Expression) -> bytes:
    """A program that returns 1 if the condition holds; R6 is where the raw arguments are."""
    asm = Assembler("test")

    def load(position: int) -> None:
        asm.load(Register.R8, Register.R6, 8 * position, 8)
        signed = TYPES[position].startswith("int")
        asm.extend(Register.R8, BITS[position] // 8, signed=signed)

    ExpressionCode(asm, load).jump_if(tree, "no", when=False)
    asm.mov(Register.R0, 1)
    asm.exit()
    asm.label("no")
    asm.mov(Register.R0, 0)
    asm.exit()
    return b"".join(asm.finish()[0])


def run(program: bytes, raw: list[int]) -> int:
    """Execute on raw 64-bit arguments."""
    machine = Machine()
    machine.registers[6] = machine.map(b"".join(one.to_bytes(8, "little") for one in raw))
    machine.registers[10] = machine.map(bytes(STACK)) + STACK
    return machine.run(program)


def number(chance: random.Random, kind: str, depth: int) -> str:
    """The text of a number of that type."""
    form = chance.choice(["literal", "argument", "argument"]) if depth == 0 else "operation"
    if form == "literal":
        value = chance.choice(EDGES)
        signed = kind.startswith("i")
        value = wrapped(value, int(kind.lstrip("uint")), signed=signed)
        text = f"{value:#x}" if value >= 0 and chance.random() < 0.5 else str(value)
        return f"{kind}({text}{'' if signed else 'u'})"
    if form == "argument":
        return f"arg{chance.choice([n for n, one in enumerate(PROMOTED) if one == kind])}"
    sides = [number(chance, kind, chance.randrange(depth)) for _ in range(2)]
    match chance.randrange(5):
        case 0:
            return f"{chance.choice(KINDS)}({sides[0]})".join((f"{kind}(", ")"))
        case 1:
            return f"not({sides[0]})"
        case 2:
            return f"{chance.choice(['and', 'or', 'xor'])}({', '.join(sides)})"
        case _:
            return f"({sides[0]} {chance.choice('+-')} {sides[1]})"


def condition(chance: random.Random, depth: int) -> str:
    """The text of a condition."""
    if depth == 0 or chance.random() < 0.2:
        kind = chance.choice(KINDS)
        sides = [number(chance, kind, chance.randrange(3)) for _ in range(2)]
        return chance.choice(["==", "!=", "<", "<=", ">", ">="]).join(sides)
    sides = [f"({condition(chance, depth - 1)})" for _ in range(2)]
    if chance.random() < 0.2:
        return f"!{sides[0]}"
    return chance.choice(["&&", "||", "==", "!="]).join([*sides, "true"][chance.randrange(2) :][:2])


@pytest.mark.parametrize("seed", range(20))
def test_random_expressions(seed: int) -> None:
    """Thousands of expressions on numbers near the ends of types, upper halves full of garbage."""
    chance = random.Random(seed)
    seen = set()
    done = 0
    while done < 100:
        tree = parse_expression(condition(chance, chance.randrange(3)), TYPES)
        if waiting_numbers(tree) > MAX_WAITING:
            continue
        done += 1
        program = compiled(tree)
        for _ in range(8):
            raw = [chance.choice([*EDGES, chance.getrandbits(64)]) % (1 << 64) for _ in TYPES]
            values = [
                wrapped(one, bits, signed=kind.startswith("int"))
                for one, bits, kind in zip(raw, BITS, TYPES, strict=True)
            ]
            expected = evaluate(tree, values)
            assert expected == run(program, raw), (tree, raw)
            seen.add(expected)

    assert {0, 1} == seen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arg0 + 1 == -2147483648", 1),
        ("int64(arg0) + 1 == 2147483648", 1),
        ("arg1 + 1 == 0", 1),
        ("uint64(arg1) + 1u == 0x100000000u", 1),
        ("arg3 > 9223372036854775807u", 1),
        ("int64(arg3) < 0", 1),
        ("and(arg1, 0xf0) == 0xf0 && not(arg1) == 0", 1),
        ("-arg0 < 0 == true", 1),
        ("arg0 < 0 || arg1 == 0", 0),
    ],
)
def test_wrap_around(text: str, expected: int) -> None:
    """Types end where they should; checked by hand, apart from the tests' own evaluator."""
    raw = [0x7FFF_FFFF, 0xFFFF_FFFF, 0, (1 << 64) - 1, 0, 0]

    assert expected == run(compiled(parse_expression(text, TYPES)), raw)


def test_waiting() -> None:
    """The count is that of the stack's numbers: chains to the right wait, to the left do not."""
    right = "arg0 + (arg0 + (arg0 + arg0)) == arg0"
    left = "arg0 + arg0 + arg0 + arg0 == arg0"

    assert waiting_numbers(parse_expression(right, TYPES)) == 3
    assert waiting_numbers(parse_expression(left, TYPES)) == 1
