# SPDX-License-Identifier: Apache-2.0
"""Filters together: allow and deny lists, kinds decided beforehand, and bounds of a request."""

from __future__ import annotations

import random
from typing import Any

import pytest

from server.filtered import ALL_ON, THROTTLE, event, keeps, of, process
from tetragon import events_pb2 as events_pb
from tetragon_server.filters import FilterError, FilterRules, compile_filters, compile_view

Filter = events_pb.Filter

EXEC, EXIT, KPROBE = events_pb.PROCESS_EXEC, events_pb.PROCESS_EXIT, events_pb.PROCESS_KPROBE
LS, CAT = of(binary="/bin/ls", pid=1), of(binary="/bin/cat", pid=2)
ONLY_LS, ONLY_ONE = Filter(binary_regex=["ls$"]), Filter(pid=[1])


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        ([], [], [True, True]),
        ([Filter()], [], [True, True]),
        ([], [Filter()], [False, False]),
        ([Filter()], [Filter()], [False, False]),
        ([ONLY_LS], [], [True, False]),
        ([ONLY_LS, Filter(pid=[2])], [], [True, True]),
        ([Filter(binary_regex=["ls$"], pid=[2])], [], [False, False]),
        ([Filter(binary_regex=["ls$"], pid=[1, 2])], [], [True, False]),
        ([], [ONLY_LS], [False, True]),
        ([], [ONLY_LS, Filter(pid=[2])], [False, False]),
        ([ONLY_LS], [ONLY_ONE], [False, False]),
        ([Filter()], [Filter(binary_regex=["ls$"], pid=[2])], [True, True]),
    ],
)
def test_lists(
    allow: list[events_pb.Filter], deny: list[events_pb.Filter], expected: list[bool]
) -> None:
    """Allowed by one filter or by an empty list, denied by none; fields of one filter all match."""
    assert expected == [keeps(one, allow, deny) for one in (LS, CAT)]


@pytest.mark.parametrize(
    ("allow", "deny", "kinds", "asks"),
    [
        ([], [], None, False),
        ([Filter()], [], None, False),
        ([Filter(event_set=[EXEC])], [], {EXEC}, False),
        ([Filter(event_set=[EXEC]), ONLY_LS], [Filter(event_set=[KPROBE])], None, True),
        ([Filter(event_set=[EXEC, EXIT])], [Filter(event_set=[EXEC])], {EXIT}, False),
        ([Filter(event_set=[EXEC])], [ONLY_LS], {EXEC}, True),
        ([Filter(event_set=[EXEC], pid=[1])], [], {EXEC}, True),
        ([Filter(event_set=[EXEC], policy_names=["p"])], [], set(), False),
        ([Filter(policy_names=["p"], event_set=[EXEC, KPROBE])], [], {KPROBE}, True),
        ([Filter(event_set=[EXEC])], [Filter(policy_names=["p"])], {EXEC}, False),
        ([Filter(cel_expression=["process_exec.process.pid == 1u"])], [], {EXEC}, True),
        ([], [Filter()], set(), False),
    ],
)
def test_kinds_are_decided_beforehand(
    allow: list[events_pb.Filter],
    deny: list[events_pb.Filter],
    kinds: set[int] | None,
    asks: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """Only events that may match are looked at, and none if their kinds decide."""
    compiled = compile_filters(allow, deny, ALL_ON)

    if kinds is not None:
        assert compiled.kinds == frozenset(kinds)
    assert (compiled.matches is not None) == asks


def test_a_subscriber_by_kind_has_no_view() -> None:
    """It costs what it did before there were filters: events are never decoded for it."""
    request = events_pb.GetEventsRequest(
        allow_list=[Filter(event_set=[EXEC, EXIT])], deny_list=[Filter(event_set=[EXIT])]
    )

    assert compile_view(request, FilterRules()) == (frozenset({EXEC}), None)
    assert compile_view(events_pb.GetEventsRequest(), FilterRules()) == (None, None)


CHOICES: dict[str, list[Any]] = {
    "event_set": [[EXEC], [EXIT, KPROBE], [events_pb.PROCESS_THROTTLE], [events_pb.UNDEF]],
    "pid": [[1], [2, 3]],
    "binary_regex": [["ls"], ["^/bin/(ls|cat)$"]],
    "policy_names": [["p"], ["p", "q"]],
    "health_check": [{"value": False}, {"value": True}],
    "in_init_tree": [{"value": False}],
    "namespace": [[""], ["x"]],
}
EVENTS = [
    *(
        event(kind, process=process(pid, binary=binary))
        for kind in ("process_exec", "process_exit", "process_loader")
        for pid in (1, 2, 3)
        for binary in ("/bin/ls", "/bin/cat", "/x")
    ),
    *(event("process_kprobe", process=process(1), policy_name=name) for name in ("p", "q", "r")),
    event("process_usdt", policy_name="p"),
    THROTTLE,
    events_pb.GetEventsResponse(node_name="n"),
    event("rate_limit_info"),
]


def random_filter(chance: random.Random) -> events_pb.Filter:
    names = chance.sample(sorted(CHOICES), chance.choice((0, 1, 1, 2, 3)))
    return Filter(**{name: chance.choice(CHOICES[name]) for name in names})


def matches_slowly(one: events_pb.Filter, response: events_pb.GetEventsResponse) -> bool:
    """Field by field, each in a filter and a list of its own."""
    parts = [Filter() for _ in one.ListFields()]
    for part, (field, value) in zip(parts, one.ListFields(), strict=True):
        if field.is_repeated:
            getattr(part, field.name).extend(value)
        else:
            getattr(part, field.name).CopyFrom(value)
    return all(keeps(response, [part]) for part in parts)


@pytest.mark.parametrize("seed", range(40))
def test_random_lists_mean_what_their_parts_mean(seed: int) -> None:
    """Deciding by kinds first changes no answer, for any lists and any event."""
    chance = random.Random(seed)
    allow = [random_filter(chance) for _ in range(chance.choice((0, 1, 2, 3)))]
    deny = [random_filter(chance) for _ in range(chance.choice((0, 0, 1, 2)))]

    for response in EVENTS:
        allowed = not allow or any(matches_slowly(one, response) for one in allow)
        denied = any(matches_slowly(one, response) for one in deny)
        assert keeps(response, allow, deny) == (allowed and not denied)


def test_an_unknown_field_is_refused() -> None:
    """A newer client's filter would let too much through if it were ignored."""
    newer = Filter.FromString(b"\xf8\x7d\x01")

    for allow, deny in ([newer], []), ([], [newer]):
        with pytest.raises(FilterError, match="field number 2015 is not known"):
            compile_filters(allow, deny, FilterRules())


@pytest.mark.parametrize(
    ("allow", "text"),
    [
        ([Filter()] * 1001, "1001 filters are too many; the limit is 1000"),
        ([Filter(pid=range(60_000)), Filter(pid=range(60_000))], "pid: 120000 values so far"),
        ([Filter(binary_regex=["a" * 65_537])], "binary_regex: 'aaa.*limit is 65536 characters"),
        ([Filter(labels=["a"] * 1001)], "labels: 'a' .*limit is 1000 expressions in all"),
        ([Filter(binary_regex=["a" * 65_536])] * 5, "limit is 262144 characters in all"),
        ([Filter(binary_regex=[r"\pL\pN"] * 20)], "may need 20000 instructions"),
        ([Filter(binary_regex=[r"\pL{900}"])], "is too large a pattern; use smaller counts"),
        ([Filter(binary_regex=["(x{1000}){1000}"])], "is no RE2 pattern: invalid repetition size"),
        ([Filter(cel_expression=["true"] * 101)], "cel_expression: 'true' .* limit is 100 CEL"),
    ],
    ids=lambda value: value.split(":")[0][:30] if isinstance(value, str) else "",
)
def test_bounds(allow: list[events_pb.Filter], text: str) -> None:
    """What would take too much memory or time is refused, with the limit, before it is done."""
    with pytest.raises(FilterError, match=text):
        compile_filters(allow, [], FilterRules())


def test_as_much_as_is_allowed() -> None:
    """At the bounds themselves filters work."""
    filters = [Filter(pid=[number], binary_regex=[f"^/{number}$"]) for number in range(999)]

    assert keeps(of(pid=998, binary="/998"), [*filters, Filter(pid=range(1000, 99_000))])
    assert not keeps(of(pid=998, binary="/99"), filters)
