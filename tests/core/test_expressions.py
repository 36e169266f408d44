# SPDX-License-Identifier: Apache-2.0
"""Expressions of filters are parsed with their types, and refused with a place and a reason."""

from __future__ import annotations

import pytest

from tetragon_core.policy.expressions import Call, Kind, Literal, Operand, parse_expression
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError

TYPES = ("int", "uint32", "int64", "size_t", "string", "int8")
BOOL, INT32, UINT64 = Kind(0), Kind(32, signed=True), Kind(64)


def test_precedence() -> None:
    """Sums bind before comparisons, these before &&, this before ||; sums group from the left."""
    loose = parse_expression("arg0 - 1 - 2 < 3 && !true || arg2 == -4 && false", TYPES)
    grouped = "((((arg0 - 1) - 2) < 3) && (!(true))) || ((arg2 == (-4)) && false)"

    assert parse_expression(grouped, TYPES) == loose


def test_types() -> None:
    """A literal takes the other side's type, small arguments are widened, a cast decides."""
    assert Call(BOOL, "<", (Operand(INT32, 5), Literal(INT32, 127))) == parse_expression(
        "arg5<0x7f", TYPES
    )
    cast = Call(UINT64, "cast", (Operand(INT32, 0),))
    assert Call(BOOL, "==", (cast, Literal(UINT64, 255))) == parse_expression(
        "uint(arg0) == 0xFFu", TYPES
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: found the end, expected an argument, a number, a function or a par"),
        ("arg0 == ", "column 9: found the end, expected an argument"),
        ("(arg0 == 1", 'column 11: found the end, expected ")"'),
        ("arg0 == 1 arg1", 'column 11: found "arg1", expected an operator or the end'),
        ("arg0 * 2 == 1", 'column 6: unexpected "*"; allowed: arg0 and so on, numbers'),
        ("arg0 == 1x", 'column 9: unexpected "1"'),
        ("arg0", "column 1: the expression is a number (int32); compare it"),
        ("arg0 == arg1", "column 6: == between int32 and uint32; cast one with int32() or uint32"),
        ("arg2 + arg0 > 1", "column 6: + between int64 and int32; cast one with int64() or int32"),
        ("arg0 == 1u", "column 6: == between int32 and uint64; cast one with int32() or uint64()"),
        ("arg1 == -1", "column 6: == between uint32 and int64; cast"),
        ("arg0 == true", "column 6: == between int32 and bool"),
        ("true < false", "column 6: < compares numbers, not conditions"),
        ("arg0 && true", "column 6: && joins conditions, found a number (int32)"),
        ("!arg0", "column 1: ! joins conditions, found a number (int32)"),
        ("arg4 == 1", "column 1: arg4 is a string; integers only"),
        ("arg6 == 1", "column 1: there is no arg6; the hook has 6"),
        ("foo(arg0) == 1", 'column 1: unknown name "foo"; allowed: arg0 and so on, true, false'),
        ("xor(arg0) == 1", "column 1: xor() takes 2, found 1"),
        ("int(true) == 1", "column 1: int() takes a number, not a condition"),
        ("not(true)", "column 1: not takes numbers, not conditions"),
        ("-arg1 == 1", "column 1: a uint32 has no negative; cast it to a signed type"),
        ("arg3 == 18446744073709551615", "does not fit int64; write 18446744073709551615u"),
        ("arg2 == 99999999999999999999", "column 9: 99999999999999999999 does not fit int64: -"),
        ("(" * 40 + "true" + ")" * 40, "column 25: nested more than 24 deep"),
        ("true" + "&&true" * 99, "more than 150 words and signs"),
    ],
)
def test_errors(text: str, message: str) -> None:
    """Each error says where, what was found, and what is allowed."""
    with pytest.raises(ValueError, match="column") as caught:
        parse_expression(text, TYPES)

    assert message in str(caught.value)


POLICY = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: expression}
spec:
  kprobes:
  - call: sys_lseek
    args: [{index: 0, type: int}, {index: 1, type: int64}]
    selectors:
    - matchArgs: [{args: [0, 1], operator: CelExpr, values: [VALUES]}]
"""


def test_place_in_the_policy() -> None:
    """The parser says which value is wrong; one expression is a filter."""
    parse_policy(POLICY.replace("VALUES", '"int64(arg0) < arg1"'), "p.yaml")
    with pytest.raises(PolicyError) as mixed:
        parse_policy(POLICY.replace("VALUES", '"arg0 < arg1"'), "p.yaml")
    with pytest.raises(PolicyError) as two:
        parse_policy(POLICY.replace("VALUES", '"true", "false"'), "p.yaml")

    assert "matchArgs[0].values[0]: column 6: < between int32 and int64" in str(mixed.value)
    assert "values[1]: CelExpr takes one expression, found 2; join them with &&" in str(two.value)
