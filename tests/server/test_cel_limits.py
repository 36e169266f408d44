# SPDX-License-Identifier: Apache-2.0
"""No expression takes the agent's time, memory or stack: too much is an error, found early."""

from __future__ import annotations

import pytest

from server.cel_events import an_exec
from tetragon_server.cel import CelError, CelRuntimeError, compile_expression

_NUMBERS = f"[{','.join(map(str, range(200)))}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 5000 + "true" + ")" * 5000, "at most 50 nested brackets"),
        ("[" * 5000, "at most 50 nested brackets"),
        ("{1:" * 5000, "at most 50 nested brackets"),
        ("size(" * 3000, "at most 50 nested brackets"),
        ("Process{pid:" * 1000, "at most 50 nested brackets"),
        ("true ? true : " * 1400 + "true", "nested less deeply"),
        ("+".join(["1"] * 5000) + " == 1", "at most 120 levels"),
        ("true" + " == true" * 2000, "at most 120 levels"),
        ("process_exec" + ".a" * 9000, "at most 120 levels"),
        ("[1]" + "[0]" * 5000, "at most 120 levels"),
        ("[1]" + ".map(x, [x])" * 1500, "at most 120 levels"),
        ("true ||" * 8000 + "true", "at most 50000 characters"),
        ("[1]" + ".map(x, {x: x})" * 100 + ".size() == 1", "a type of at most 1000 parts"),
        ("9" * 15000 + " == 1", "64-bit signed number|limit"),
        ('"' * 19999, "a string that ends on its line"),
    ],
    ids=lambda value: value[:30],
)
def test_oversized_expression_is_refused(text: str, message: str) -> None:
    """It is told with its place before anything is evaluated."""
    with pytest.raises(CelError, match=message):
        compile_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        f"{_NUMBERS}.all(a, {_NUMBERS}.all(b, {_NUMBERS}.all(c, {_NUMBERS}.all(d, true))))",
        f"{_NUMBERS}.exists(a, {_NUMBERS}.exists(b, {_NUMBERS}.exists(c, 1 / 0 == 1)))",
        f"{_NUMBERS}.map(a, {_NUMBERS}.map(b, {_NUMBERS}.map(c, a + b + c))).size() == 0",
        "['aaaaaaaaaaaaaaaa']" + ".map(x, x + x)" * 60 + ".size() == 1",
        "[[1, 2, 3]]" + ".map(x, x + x)" * 60 + ".size() == 1",
        "[[1]" + ".map(x, [x, x])" * 100 + "].map(x, x == x) == [true]",
        f"{_NUMBERS}.all(a, {_NUMBERS}.all(b, !(a in {_NUMBERS}.map(c, c + 1000))))",
        f"{_NUMBERS}.all(a, {_NUMBERS}.all(b, !process_exec.process.arguments.contains('z')))",
        f"{_NUMBERS}.all(a, {_NUMBERS}.all(b, !'a'.matches(string(a) + string(b))))",
        f"true || {_NUMBERS}.all(a, {_NUMBERS}.all(b, {_NUMBERS}.all(c, a != b - c - 500)))",
    ],
    ids=lambda value: value[-60:],
)
def test_evaluation_stops_at_its_limit(text: str) -> None:
    """Loops within loops and values that double end in an error, whatever `||` would forget."""
    event = an_exec()
    event.process_exec.process.arguments = "a" * 10_000
    expression = compile_expression(text.removeprefix("true || "))

    with pytest.raises(CelRuntimeError, match="took more than 100000 steps"):
        expression.evaluate(event)


def test_limit_is_for_one_evaluation() -> None:
    """An expression that takes half the limit works for event after event."""
    inner = f"{_NUMBERS}.exists(b, a == b && b == 199)"
    expression = compile_expression(f"{_NUMBERS}.exists(a, {inner})".replace("199", "40"))

    assert [True] * 20 == [expression.evaluate(an_exec()) for _ in range(20)]


def test_values_nested_too_deeply_are_an_error() -> None:
    """Comparing them would need more of Python's stack than there is."""
    deep = "[dyn(1)]" + ".map(x, dyn([[[[[[[[[[[[[[x]]]]]]]]]]]]]]))" * 95
    expression = compile_expression(f"{deep} == {deep}")

    with pytest.raises(CelRuntimeError, match="nested less deeply"):
        expression.evaluate(an_exec())


def test_a_long_but_plain_filter_is_fine() -> None:
    """Hundreds of terms and names are what people write."""
    terms = " || ".join(f"process_exec.process.pid == {pid}u" for pid in range(1000, 1400))
    names = ", ".join(f"'/usr/bin/{name}'" for name in range(500))
    expression = compile_expression(f"{terms} || process_exec.process.binary in [{names}]")

    assert not expression.evaluate(an_exec())
