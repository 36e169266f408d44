# SPDX-License-Identifier: Apache-2.0
"""Filters as text, for the export options."""

from __future__ import annotations

import pytest

from tetragon import events_pb2 as events_pb
from tetragon_server.filters import FilterError, parse_field_filters, parse_filters

Filter = events_pb.Filter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ("{}", [Filter()]),
        (
            '{"namespace":["a"]}{"namespace":[""]}',
            [Filter(namespace=["a"]), Filter(namespace=[""])],
        ),
        (
            ' {"event_set":["PROCESS_EXEC",5],\n "binaryRegex":["x"]} \r\n {"pid":[1]} ',
            [
                Filter(event_set=["PROCESS_EXEC", "PROCESS_EXIT"], binary_regex=["x"]),
                Filter(pid=[1]),
            ],
        ),
        ('{"health_check":true}', [Filter(health_check={"value": True})]),
        ('{"in_init_tree":false}', [Filter(in_init_tree={"value": False})]),
        (
            '{"capabilities":{"effective":{"any":["CAP_SYS_ADMIN"]}}}',
            [Filter(capabilities={"effective": {"any": ["CAP_SYS_ADMIN"]}})],
        ),
    ],
)
def test_objects_one_after_another(text: str, expected: list[events_pb.Filter]) -> None:
    """With or without space between, names in either spelling, types as names or numbers."""
    assert expected == parse_filters(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[{}]", "object 1 is no JSON object"),
        ("{} 7", "object 2 is no JSON object"),
        ('{} {"pid":', "object 2 is no JSON: "),
        ('{"pid":[1]},{}', "object 2 is no JSON: "),
        ('{"binaries":["x"]}', 'object 1: .*has no field named "binaries"'),
        ('{"event_set":["EXEC"]}', "object 1: .*event_set"),
        ('{"pid":["x"]}', "object 1: .*pid"),
        ("[" * 100_000, "object 1 is no JSON"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    """One line with the number of the object."""
    with pytest.raises(FilterError, match=reason) as failed:
        parse_filters(text)

    assert "\n" not in str(failed.value)


def test_pid_sets_have_to_be_allowed() -> None:
    """By the agent's option, which the error names."""
    text = '{"pid":[1]} {"pid_set":[1]}'

    assert parse_filters(text, allow_pid_set=True) == [Filter(pid=[1]), Filter(pid_set=[1])]
    with pytest.raises(FilterError, match=r"pid_set: .*enable-pid-set-filter"):
        parse_filters(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"fields":["process"]}', "object 1: fields has to be text"),
        ('{"fields":{"paths":["process"]}}', "object 1: fields has to be text"),
        ('{"field":"process"}', 'object 1: .*has no field named "field"'),
        ('{"fields":"a","action":"DROP"}', "object 1: .*action"),
    ],
)
def test_field_filters_that_are_refused(text: str, reason: str) -> None:
    """The paths are one text; unknown names are errors, as everywhere in options."""
    with pytest.raises(FilterError, match=reason):
        parse_field_filters(text)
