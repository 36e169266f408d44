# SPDX-License-Identifier: Apache-2.0
"""The filter `capabilities`: four comparisons, three sets, and what makes a request fail."""

from __future__ import annotations

from typing import Any

import pytest

from server.filtered import THROTTLE, keeps, of
from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_server.filters import FilterError, FilterRules, compile_filters


def caps_filter(**sets: Any) -> events_pb.Filter:
    return events_pb.Filter(capabilities=sets)


def having(**sets: Any) -> events_pb.GetEventsResponse:
    return of(cap=pb.Capabilities(**sets))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("any", [False, True, True, True]),
        ("all", [False, False, True, True]),
        ("exactly", [False, False, True, False]),
        ("none", [True, False, False, False]),
    ],
)
@pytest.mark.parametrize("name", ["permitted", "effective", "inheritable"])
def test_comparisons(name: str, key: str, expected: list[bool]) -> None:
    """{1,2} against nothing, a part, the same and more."""
    wanted = caps_filter(**{name: {key: [1, 2]}})
    others = {one: [9] for one in ("permitted", "effective", "inheritable") if one != name}

    processes = [having(**{name: has}, **others) for has in ([], [1], [2, 1], [1, 2, 3])]

    assert expected == [keeps(one, [wanted]) for one in processes]


def test_all_given_sets_have_to_match() -> None:
    """A set that is not given is not asked."""
    wanted = [caps_filter(permitted={"any": [1]}, effective={"none": [2]})]

    assert keeps(having(permitted=[1], inheritable=[2]), wanted)
    assert not keeps(having(permitted=[1], effective=[2]), wanted)
    assert not keeps(having(effective=[3]), wanted)


def test_processes_without_capabilities() -> None:
    """`none` needs capabilities that are known, and the empty filter too."""
    for wanted in ([caps_filter(effective={"none": [1]})], [caps_filter()]):
        assert not keeps(of(), wanted)
        assert not keeps(THROTTLE, wanted)
        assert keeps(having(), wanted)


@pytest.mark.parametrize(
    ("keys", "found"), [({}, "found none"), ({"any": [1], "none": [2]}, "found any, none")]
)
def test_a_set_has_one_key(keys: dict[str, list[int]], found: str) -> None:
    """None or several fail the request."""
    with pytest.raises(FilterError, match=f"capabilities: effective needs exactly one .*{found}"):
        keeps(of(), [caps_filter(effective=keys)])


def test_events_have_to_have_them() -> None:
    """Without the agent's option no event could match."""
    with pytest.raises(FilterError, match=r"capabilities: .*enable-process-cred"):
        compile_filters([caps_filter(effective={"any": [1]})], [], FilterRules())
