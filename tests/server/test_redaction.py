# SPDX-License-Identifier: Apache-2.0
"""Redaction filters: of each match the groups go, as Tetragon does it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tetragon_core.errors import UsageError
from tetragon_server.redaction import read_redaction

if TYPE_CHECKING:
    from tetragon_core.redaction import Redacted

OPTIONS = "--verbose=true --password ybx511!ackt544 --username foobar"
PASSWORD = r'"(?:--password|-p)[\\s=]+(\\S+)"'


def redact(filters: str, text: str, binary: str = "/bin/x") -> Redacted:
    """What is left of `text`."""
    redaction = read_redaction(filters)
    assert redaction is not None
    return redaction(binary, text)


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        pytest.param('"(ab)cd"', "abcd abcd", "*****cd *****cd", id="every-match"),
        pytest.param('"(ab)cd"', "abef", "abef", id="no-match"),
        pytest.param('"abcd"', "abcd", "abcd", id="no-group"),
        pytest.param('"(foo(bar))qux"', "foobarqux", "*****qux", id="nested"),
        pytest.param('"(a)(b)c"', "abc", "**********c", id="side-by-side"),
        pytest.param('"(a)|(b)"', "ab", "**********", id="a-group-without-part"),
        pytest.param('"a(x*)b"', "ab", "a*****b", id="empty-group"),
        pytest.param('"(x*)"', "axb", "*****a*****b*****", id="empty-matches"),
        pytest.param('"(?i)key=(\\\\w+)"', "KEY=Ab1,x", "KEY=*****,x", id="go-syntax"),
        pytest.param('"é(.)é"', "äéüé", "äé*****é", id="wide"),
        pytest.param('"(a)$"', "a a", "a *****", id="end-of-text"),
        pytest.param('"x\\\\B(y)"', "xy", "x*****", id="context-inside"),
        pytest.param('"\\\\B(y)"', "xy", "xy", id="context-outside-is-not-seen-again"),
        pytest.param(PASSWORD, OPTIONS, OPTIONS.replace("ybx511!ackt544", "*****"), id="option"),
    ],
)
def test_groups_are_replaced(patterns: str, text: str, expected: str) -> None:
    """One pattern, and what it leaves."""
    assert redact(f'{{"redact": [{patterns}]}}', text).text == expected


def test_patterns_and_filters_work_on_what_those_before_left() -> None:
    """In their order; where each of them cut is told in places of the first text."""
    text = f"{OPTIONS} cheesecake TOPSECRET end"
    more = r'{"redact": ["\\W(TOPSECRET)\\W"]} {"redact": ["(cheese)cake", "user(.*)\\*cake"]}'

    left, hidden = redact(f'{{"redact": [{PASSWORD}]}}{more}', text)

    assert left == "--verbose=true --password ***** --user******cake ***** end"
    secrets = [text[start:end] for start, end in hidden]
    assert secrets == ["ybx511!ackt544", "TOPSECRET", "cheese", "name foobar cheese"]


def test_of_too_many_matches_the_rest_is_hidden_whole() -> None:
    """The time for arguments that were made to take time is bounded."""
    text = "-p a " * 20_000

    left, hidden = redact('{"redact": ["-p (a)", "(x)"]}', text)

    assert left == "-p ***** " * 1024 + "*****"
    assert (1025, (5 * 1024, len(text))) == (len(hidden), hidden[-1])


def test_many_matches_without_a_group() -> None:
    """Nothing is to be hidden, and nothing is."""
    assert redact('{"redact": ["a"]}', "a" * 5000).text == "a" * 5000


def test_a_filter_for_some_binaries() -> None:
    """One of its patterns has to match anywhere in the path."""
    filters = '{"binary_regex": ["mysql$", "psql"], "redact": ["(a)"]}'

    left = [redact(filters, "a", path).text for path in ("/bin/mysql", "/psql/x", "/mysql/x", "")]

    assert left == ["*****", "*****", "a", "a"]


def test_a_binary_that_was_replaced() -> None:
    """An upgrade under a running program, which /proc then calls deleted, reveals no secret."""
    filters = '{"binary_regex": ["mysql$"], "redact": ["(a)"]}'

    texts = [redact(filters, "a", f"/bin/{name} (deleted)").text for name in ("mysql", "psql")]
    assert texts == ["*****", "a"]


def test_names_as_in_protobuf_json() -> None:
    """Both spellings of a field; the deprecated one is read and does nothing."""
    assert redact('{"binaryRegex": ["x"], "match": [{}], "redact": ["(a)"]}', "a").text == "*****"


def test_random_hiding_leaks_nothing() -> None:
    """Every character that is not in the result is in a span that is told, and no other is."""
    choice = random.Random(11)
    patterns = (r"(b+)a", r"a(.)(.)", r"\\*(a)", r"(\\*\\*a?)", r"c(a|b)c", r"(c*)$")
    for _ in range(500):
        text = "".join(choice.choices("abc", k=choice.randrange(30)))
        chosen = ", ".join(f'"{one}"' for one in choice.choices(patterns, k=3))

        left, hidden = redact(f'{{"redact": [{chosen}]}}', text)

        gone = {place for start, end in hidden for place in range(start, end)}
        rest = "".join(char for place, char in enumerate(text) if place not in gone)
        assert left.replace("*", "") == rest


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_filters(text: str) -> None:
    """Nothing to do, and no library loaded for it."""
    assert read_redaction(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "is no object"),
        ('{"redact": ["("]}', '"\\(" is no RE2 pattern: missing \\)'),
        ('{"binary_regex": ["a(?=b)"]}', "is no RE2 pattern"),
        ('{"reduct": ["a"]}', '"reduct"'),
        ('{"redact": "a"}', "redact"),
        ('{"redact": []} x', "not JSON"),
    ],
)
def test_what_cannot_be_read(text: str, reason: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(UsageError, match=reason) as raised:
        read_redaction(text)

    assert "\n" not in str(raised.value)
