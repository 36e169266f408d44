# SPDX-License-Identifier: Apache-2.0
"""Arguments of USDT probes: what compilers write into notes on x86_64 and aarch64."""

from __future__ import annotations

import pytest

from tetragon_sensors.policy.usdt_arguments import (
    Constant,
    Index,
    InMemory,
    InRegister,
    Unreadable,
    UsdtArgument,
    parse_usdt_arguments,
    with_symbols,
)

RBP, RAX, RBX = InRegister(32, 8), InRegister(80, 8), InRegister(40, 8)
X0, X1, X30, SP = InRegister(0, 8), InRegister(8, 8), InRegister(240, 8), InRegister(248, 8)

X86 = {
    "-4@-1372(%rbp)": (4, True, InMemory((RBP,), -1372)),
    "-8@(%rbp)": (8, True, InMemory((RBP,))),
    "8@0x10(%rbp)": (8, False, InMemory((RBP,), 16)),
    "8@-16+4(%rbp)": (8, False, InMemory((RBP,), -12)),
    "8@%rax": (8, False, RAX),
    "-4@%edi": (4, True, InRegister(112, 4)),
    "2@%di": (2, False, InRegister(112, 2)),
    "-1@%dil": (1, True, InRegister(112, 1)),
    "1@%ah": (1, False, InRegister(81, 1)),
    "4@%r10d": (4, False, InRegister(56, 4)),
    "-4@$-9": (4, True, Constant(-9)),
    "4@$5": (4, False, Constant(5)),
    "8@$0x1f": (8, False, Constant(31)),
    "1@-96(%rbp,%rax,8)": (1, False, InMemory((RBP,), -96, Index(RAX, 3))),
    "1@(%rbp, %rax, 8)": (1, False, InMemory((RBP,), 0, Index(RAX, 3))),
    "1@(%rbp,%rax)": (1, False, InMemory((RBP,), 0, Index(RAX))),
    "8@(,%rax,4)": (8, False, InMemory((), 0, Index(RAX, 2))),
    "8@foo(%rip)": (8, False, InMemory((), 0, None, "foo")),
    "-2@12+.LC.0(%rip)": (2, True, InMemory((), 12, None, ".LC.0")),
    "4@counter.1-4(%rip)": (4, False, InMemory((), -4, None, "counter.1")),
    "4@table(,%rbx,4)": (4, False, InMemory((), 0, Index(RBX, 2), "table")),
}
ARM = {
    "-1@x0": (1, True, X0),
    "4@w1": (4, False, InRegister(8, 4)),
    "4@5": (4, False, Constant(5)),
    "-4@-7": (4, True, Constant(-7)),
    "8@xzr": (8, False, Constant(0)),
    "8@[x0]": (8, False, InMemory((X0,))),
    "-4@[x30,-40]": (4, True, InMemory((X30,), -40)),
    "-4@[x31,-40]": (4, True, InMemory((SP,), -40)),
    "-4@[sp, 12]": (4, True, InMemory((SP,), 12)),
    "8@[sp, #16]": (8, False, InMemory((SP,), 16)),
    "-1@[x0,x1]": (1, True, InMemory((X0,), 0, Index(X1))),
    "8@[x0, x1, lsl 3]": (8, False, InMemory((X0,), 0, Index(X1, 3))),
    "4@[x0, w1, sxtw 2]": (
        4,
        False,
        InMemory((X0,), 0, Index(InRegister(8, 4), 2, is_signed=True)),
    ),
    "4@[x0, w1, uxtw #2]": (4, False, InMemory((X0,), 0, Index(InRegister(8, 4), 2))),
}
KNOWN = [("x86_64", text, *wanted) for text, wanted in X86.items()]
KNOWN += [("aarch64", text, *wanted) for text, wanted in ARM.items()]


@pytest.mark.parametrize(("arch", "text", "size", "signed", "place"), KNOWN)
def test_an_operand_is_read_in_full(
    arch: str,
    text: str,
    size: int,
    signed: bool,  # noqa: FBT001  a table's column
    place: object,
) -> None:
    """Size, sign and place of an argument are those of its text."""
    (found,) = parse_usdt_arguments(text, arch)

    assert (text, size, signed, place) == (found.text, found.size, found.is_signed, found.place)


@pytest.mark.parametrize(
    ("arch", "text"),
    [
        *(("x86_64", f"8@{one}") for one in ("%xmm0", "%st", "%rip", "%cs", "%fs:16", "*%rax")),
        *(("x86_64", f"8@{one}") for one in ("()", "16(%rip)", "1234", "$foo", "$", "-foo(%rip)")),
        *(("x86_64", f"8@{one}") for one in ("8(%rax", "8(%rax,%rbx,3)", "8(%eax)", "(%rax)8")),
        *(("x86_64", f"8@{one}") for one in ("foo@GOTPCREL(%rip)", "8 8(%rax)", "a+b(%rip)", "x0")),
        *(("aarch64", f"8@{one}") for one in ("%rax", "d0", "pc", "[x0", "[w0]", "[x0,w1]", "x32")),
        *(("aarch64", f"8@{one}") for one in ("[x0, x1, sxtw 3]", "[x0], 8", "[x0, #:lo12:foo]")),
    ],
)
def test_what_is_not_known_in_full_is_not_read(arch: str, text: str) -> None:
    """An operand of another form is never taken for one that is known."""
    (found,) = parse_usdt_arguments(text, arch)

    assert Unreadable("its operand is none that is known") == found.place


def test_one_that_cannot_be_read_spoils_no_other() -> None:
    """Floating-point numbers keep their position, and their neighbours stay readable."""
    found = parse_usdt_arguments("4@%edi 8f@%xmm0 -8f@%r8 -1@$3", "x86_64")

    unreadable = Unreadable("it is a floating-point number")
    assert [InRegister(112, 4), unreadable, unreadable, Constant(3)] == [one.place for one in found]


def test_blanks_inside_of_an_operand_do_not_part_it() -> None:
    """Arguments are parted where the next one begins."""
    found = parse_usdt_arguments("-4@[sp, 12] 8@[x0, x1, lsl 3]  4@w1 ", "aarch64")

    assert ["-4@[sp, 12]", "8@[x0, x1, lsl 3]", "4@w1"] == [one.text for one in found]


def test_a_probe_without_arguments_has_none() -> None:
    """An empty text is no error."""
    assert () == parse_usdt_arguments("", "x86_64")


@pytest.mark.parametrize("text", ["%rdi", "3@%rdi", "4@", "foo 4@%edi", "@%rdi", "16@%xmm1"])
def test_what_is_no_list_of_arguments_is_an_error(text: str) -> None:
    """The size is required, and 1, 2, 4 or 8."""
    with pytest.raises(ValueError, match="is no argument of a USDT probe"):
        parse_usdt_arguments(text, "x86_64")


@pytest.mark.parametrize(
    ("size", "is_signed", "value", "wanted"),
    [
        (4, True, -9, -9),
        (4, False, -9, 0xFFFF_FFF7),
        (1, True, 255, -1),
        (1, False, 256, 0),
        (8, False, -1, (1 << 64) - 1),
    ],
)
def test_a_constant_has_the_size_of_its_argument(
    size: int,
    is_signed: bool,  # noqa: FBT001  a table's column
    value: int,
    wanted: int,
) -> None:
    """As the bytes of the argument would hold it."""
    assert wanted == UsdtArgument("", size, is_signed, Constant(value)).constant


def test_a_symbol_is_found_from_the_instruction_pointer() -> None:
    """Wherever the file is mapped, a variable is as far from the site as in the file."""
    arguments = parse_usdt_arguments("4@8+foo(%rip) 4@table(,%rbx,4) 4@%edi", "x86_64")

    found = with_symbols(arguments, {"foo": {0x4000}, "table": {0x5000}}, 0x1000, "x86_64")

    pointer = InRegister(128, 8)
    assert [
        InMemory((pointer,), 0x3008),
        InMemory((pointer,), 0x4000, Index(RBX, 2)),
        InRegister(112, 4),
    ] == [one.place for one in found]


def test_a_symbol_that_is_not_one_cannot_be_read() -> None:
    """A stripped file has none, and static variables may share a name."""
    arguments = parse_usdt_arguments("4@foo(%rip) 4@bar(%rip)", "x86_64")

    found = with_symbols(arguments, {"bar": {1, 2}}, 0x1000, "x86_64")

    assert [
        Unreadable("the file has no symbol foo"),
        Unreadable("the file has several symbols bar"),
    ] == [one.place for one in found]
