# SPDX-License-Identifier: Apache-2.0
"""What is said about wrong policies, to the letter."""

from __future__ import annotations

import pytest

from policy_texts import HEAD, errors_of, policy, read_cases
from tetragon_core.policy.parse import parse_policies, parse_policy
from tetragon_core.policy.problems import PolicyError, Problems

CASES = read_cases("wrong_policies.txt")


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_an_error_says_where_what_and_what_is_allowed(text: str, expected: list[str]) -> None:
    """Line, column, path, value, what is allowed and the nearest word, for each class."""
    assert expected == errors_of(text)


def test_all_errors_of_a_file_come_at_once_in_its_order() -> None:
    """Nobody has to run the tool again for the next mistake."""
    text = policy("""
        options: [{name: policy-mode, value: observe}]
        kprobes:
        - call: sys_read
          return: true
          args: [{index: 9, type: int}]
          selectors:
          - matchPIDs: [{operator: Inn, values: [1]}]
            matchArgs: [{index: 1, operator: Equal, values: ["1"]}]
        - calll: sys_write
        lists: [{name: a, type: generated_ftrace}]
    """)

    places = [line.split(": ")[0] for line in errors_of(text)]

    assert [
        "f:5:40",
        "f:8:13",
        "f:9:20",
        "f:11:30",
        "f:12:27",
        "f:13:5",
        "f:13:5",
        "f:14:11",
    ] == places


def test_errors_of_all_documents_come_at_once() -> None:
    """A file for kubectl with several policies is checked as a whole."""
    text = f"{HEAD}spec: {{loader: 1}}\n---\n{HEAD}spec: {{loader: 2}}\n"

    with pytest.raises(PolicyError) as caught:
        parse_policies(text, "f")

    assert str(caught.value).split("\n") == [
        'f:4:16: spec.loader: wanted true or false, found "1"',
        'f:9:16: spec.loader: wanted true or false, found "2"',
    ]


def test_a_macro_that_is_used_twice_is_wrong_once() -> None:
    """The mistake is where the macro is."""
    text = policy("""
        selectorsMacros: {m: {matchCapabilities: [{operator: In, values: [CAP_X]}]}}
        kprobes:
        - {call: sys_read, selectors: [{macros: [m]}]}
        - {call: sys_write, selectors: [{macros: [m]}]}
    """)

    assert 1 == len(errors_of(text))


def test_the_error_keeps_its_problems_apart() -> None:
    """A caller can show or count them; nothing is to be parsed from the text."""
    problems = Problems()

    with pytest.raises(PolicyError) as caught:
        parse_policy(policy("loader: 1\nlist: []"), "a.yaml", problems)

    assert ("a.yaml", 2) == (caught.value.source, len(caught.value.problems))
    first = caught.value.problems[0].where
    assert (first.path, first.line, first.column) == ("spec.loader", 5, 11)
    assert 2 == caught.value.exit_code
