# SPDX-License-Identifier: Apache-2.0
"""Where the reference (CEL for C++) and upstream's library (CEL for Go) differ, ours does as the
latter. Each row is a fact of cel-go 0.31, which Tetragon vendors, and says what the reference does.
"""

from __future__ import annotations

import pytest

from server.cel_events import an_exec
from server.cel_reference import our_outcomes, reference_outcomes

_DIFFERENT = [
    # The result has to be bool itself; the reference's types do not tell it from its wrapper.
    ("process_exec.process.in_init_tree", "rejected", True),
    # Numbers that are no numbers have no order.
    ("0.0 / 0.0 < 1.0", "error", False),
    ("double('NaN') >= dyn(1)", "error", False),
    # The last entry of a key counts, and any number can be a key.
    ("{'a': 1, 'a': 2}['a'] == 2", True, "error"),
    ("{1.5: 1}[1.5] == 1", True, "error"),
    # Texts of numbers have no blanks around them.
    ("int(' 1') == 1", "error", True),
    # Texts of times are as short as possible.
    ("string(duration('1.5s')) == '1.5s'", True, False),
    ("string(timestamp('2020-01-02T03:04:05.120Z')) == '2020-01-02T03:04:05.12Z'", True, False),
    # Times are read as RFC 3339 and no other way.
    ("timestamp('2020-1-02T03:04:05Z') > timestamp(0)", "error", True),
    ("timestamp('2020-01-02t03:04:05z') > timestamp(0)", "error", True),
    # A raw string may end in a backslash.
    (r"r'\' == '\\'", True, "rejected"),
    # A literal has to be within the range of its type.
    ("1e3008 > 1.0", "rejected", True),
    ("double('1_000.5') == 1000.5", True, "error"),
    # Durations convert to and from other things.
    ("int(duration('1s')) == 1000000000", True, "error"),
    ("duration(1) == duration('1s')", "rejected", "error"),
    ("duration('1.5s').getMilliseconds() == 1500", True, False),
    # A list of a message and a null is a list of nulls.
    ("[process_exec.process, null][0].pid == 7u", "rejected", True),
    # What an empty list or map holds becomes what the first overload of a function takes.
    ("[].map(x, x + dyn(1)) == [1]", "rejected", False),
    ("-({}.a) == 1", "rejected", "error"),
    # A value out of a field's range is an error that `&&` may forget.
    ("Process{pid: 4294967296u} == Process{} && false", False, "error"),
    # What has no fields does not have this one; a list may have elements.
    ("has(dyn(1).a)", False, "error"),
    ("has(dyn(null).a)", False, "error"),
    ("has(dyn([1]).a)", "error", "error"),
    # A variable may have a dot in front, and then nothing refers to it.
    ("[1].all(.y, true)", True, "rejected"),
    ("[1].all(.process_exec, process_exec.process.pid == 7u)", True, "rejected"),
    ("[1].all(.y, .y == 1)", "rejected", "rejected"),
    # `dyn` is a function and no type.
    ("type(1) == dyn", "rejected", "error"),
]


@pytest.mark.parametrize(("text", "expected", "reference"), _DIFFERENT)
def test_outcome_is_that_of_upstreams_library(
    text: str, expected: object, reference: object
) -> None:
    """The row still describes both sides."""
    assert [expected] == our_outcomes(text, [an_exec()])
    assert [reference] == reference_outcomes(text, [an_exec()])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 < 2u", "rejected"),
        ("[1].all(x, x < 2u)", True),
        ("[1].all(x, true) && 1 < 2u", True),
        ("1 < 2u && [1].all(x, true)", "rejected"),
    ],
)
def test_mixed_numbers_are_ordered_after_a_macro(text: str, expected: object) -> None:
    """Upstream's checker forgets to refuse it; expressions that lean on that keep working."""
    assert [expected] == our_outcomes(text, [an_exec()])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Upstream keeps the offset that a text had.
        ("string(timestamp('2016-06-30T12:00:00+02:00')) == '2016-06-30T10:00:00Z'", True),
        # Upstream knows years 0 and 10000, and the agent's own zone.
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+01:00') == 10000", "error"),
        ("timestamp('2016-06-30T12:00:00Z').getHours('Local') >= 0", "error"),
        # Upstream's regular expressions have no single bytes.
        (r"'a'.matches('\\C')", True),
    ],
)
def test_known_differences_from_upstream(text: str, expected: object) -> None:
    """What `docs/reference/cel.md` says."""
    assert [expected] == our_outcomes(text, [an_exec()])
