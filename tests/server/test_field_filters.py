# SPDX-License-Identifier: Apache-2.0
"""Field filters: what is left of an event's message, and that nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from server.filtered import THROTTLE, event, process
from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_server.encode import EncodedEvent
from tetragon_server.filters import (
    FilterError,
    FilterRules,
    compile_field_filters,
    compile_view,
    parse_field_filters,
)

INCLUDE, EXCLUDE = events_pb.INCLUDE, events_pb.EXCLUDE
EXEC, EXIT = events_pb.PROCESS_EXEC, events_pb.PROCESS_EXIT


def keep(*paths: str, **more: Any) -> events_pb.FieldFilter:
    return events_pb.FieldFilter(fields={"paths": paths}, **more)


def drop(*paths: str, **more: Any) -> events_pb.FieldFilter:
    return keep(*paths, action=EXCLUDE, **more)


def sample(kind: str = "process_exec") -> events_pb.GetEventsResponse:
    pod = pb.Pod(name="p", pod_labels={"a": "b"}, container={"name": "c", "image": {"id": "i"}})
    response = event(
        kind,
        process=process(7, binary="/bin/ls", exec_id="x", uid={"value": 0}, pod=pod),
        parent=process(1, binary="/bin/sh"),
    )
    response.time.seconds = 5
    response.node_labels["l"] = "v"
    response.number = 9
    return response


def left(response: events_pb.GetEventsResponse, *filters: events_pb.FieldFilter) -> Any:
    """The event's message after the filters; the rest must be as before, the original too."""
    before = response.SerializeToString(deterministic=True)
    change = compile_field_filters(filters)
    name = response.WhichOneof("event")
    assert name is not None
    kind = response.DESCRIPTOR.fields_by_name[name].number
    changed = response if change is None else change(kind, response)

    assert response.SerializeToString(deterministic=True) == before
    assert changed.WhichOneof("event") == name
    envelopes = [
        events_pb.GetEventsResponse.FromString(one.SerializeToString())
        for one in (response, changed)
    ]
    for envelope in envelopes:
        envelope.ClearField(name)
    assert envelopes[0] == envelopes[1]
    return getattr(changed, name)


def exec_of(**fields: Any) -> pb.ProcessExec:
    return pb.ProcessExec(**fields)


FULL = sample().process_exec


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("process.binary",), exec_of(process={"binary": "/bin/ls"})),
        (("process.uid",), exec_of(process={"uid": {"value": 0}})),
        (("process.pid", "parent.pid"), exec_of(process=process(7), parent=process(1))),
        (("parent",), exec_of(parent=FULL.parent)),
        (("process.pod.pod_labels",), exec_of(process={"pod": {"pod_labels": {"a": "b"}}})),
        (("process.pod.pod_labels.zzz",), exec_of(process={"pod": {"pod_labels": {"a": "b"}}})),
        (("process.binary.zzz",), exec_of(process={"binary": "/bin/ls"})),
        (("process", "process.binary"), exec_of(process={"binary": "/bin/ls"})),
        (("process.docker",), exec_of(process={})),
        (("process.nosuch",), exec_of(process={})),
        (("nosuch", "node_name"), exec_of()),
        (
            ("process.execId", "Parent.Binary"),
            exec_of(process={"exec_id": "x"}, parent={"binary": "/bin/sh"}),
        ),
        ((), FULL),
    ],
)
def test_include(paths: tuple[str, ...], expected: pb.ProcessExec) -> None:
    """Only what is named stays; a message on the way stays, even when nothing is left in it."""
    assert expected == left(sample(), keep(*paths))


@pytest.mark.parametrize(
    ("paths", "gone"),
    [
        (("parent",), ["parent"]),
        (("parent", "process.pod"), ["parent", "process.pod"]),
        (("process.pod.container.image",), ["process.pod.container.image"]),
        (("process", "process.pod"), ["process.pod"]),
        (("process.execId",), ["process.exec_id"]),
        (("process.pod.pod_labels.a", "process.binary.zzz"), []),
        (("nosuch", "process.nosuch", "time", "node_name"), []),
        ((), []),
    ],
)
def test_exclude(paths: tuple[str, ...], gone: list[str]) -> None:
    """Only what is named goes; unknown names and what is below plain values change nothing."""
    expected = exec_of()
    expected.CopyFrom(FULL)
    for path in gone:
        *above, name = path.split(".")
        at: Any = expected
        for step in above:
            at = getattr(at, step)
        at.ClearField(name)

    assert expected == left(sample(), drop(*paths))


def hit() -> events_pb.GetEventsResponse:
    return event(
        "process_kprobe",
        function_name="f",
        args=[
            {"int_arg": 3, "label": "one"},
            {"file_arg": {"path": "/x", "flags": "y"}, "label": "two"},
        ],
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("args.label", [{"label": "one"}, {"label": "two"}]),
        ("args.int_arg", [{}, {}]),
        ("args.arg", [{"int_arg": 3}, {"file_arg": {"path": "/x", "flags": "y"}}]),
        ("args.arg.int_arg", [{"int_arg": 3}, {}]),
        ("args.arg.file_arg.path", [{}, {"file_arg": {"path": "/x"}}]),
    ],
)
def test_lists_and_their_oneofs(path: str, expected: list[Any]) -> None:
    """A path works on every element; a member of a oneof is only reached through its group."""
    wanted = [pb.KprobeArgument(**one) for one in expected]

    assert wanted == list(left(hit(), keep(path)).args)


def test_members_of_a_oneof_can_be_hidden() -> None:
    """The same names take away; without the group's name they take nothing."""
    assert list(left(hit(), drop("args.int_arg")).args) == list(hit().process_kprobe.args)
    hidden = left(hit(), drop("args.arg.file_arg.path", "args.arg.int_arg"))
    assert [pb.KprobeArgument(label="one"), {"flags": "y"}] == [
        hidden.args[0],
        {"flags": hidden.args[1].file_arg.flags},
    ]
    assert hidden.args[1].file_arg.path == ""
    assert hidden.function_name == "f"


def test_filters_work_in_order() -> None:
    """Each on what is left, so an exclusion wins wherever it stands."""
    first, second = keep("process.binary", "process.pid"), drop("process.binary")
    expected = exec_of(process=process(7))

    assert expected == left(sample(), first, second) == left(sample(), second, first)
    assert exec_of() == left(sample(), keep("process"), keep("parent"))


def test_kinds() -> None:
    """Without kinds all are meant; inverted, all but those named; an empty list cannot invert."""
    inverted: Any = {"invert_event_set": {"value": True}}
    execs, others = drop("parent", event_set=[EXEC]), drop("parent", event_set=[EXEC], **inverted)
    everything = drop("parent", **inverted)

    for one, expected in ((execs, [False, True]), (others, [True, False])):
        shown = [left(sample(kind), one) for kind in ("process_exec", "process_exit")]
        assert expected == [message.HasField("parent") for message in shown]
    assert not left(sample("process_exit"), everything).HasField("parent")


def test_what_has_no_event_stays() -> None:
    """An envelope alone, and an event of a kind that is not meant, is the same message."""
    change = compile_field_filters([keep("process", event_set=[EXEC])])
    empty = events_pb.GetEventsResponse(node_name="n")
    assert change is not None

    assert change(0, empty) is empty
    assert change(events_pb.PROCESS_THROTTLE, THROTTLE) is THROTTLE


def test_nothing_is_made_for_filters_that_do_nothing() -> None:
    """No paths, or only unknown ones to take away, leave a subscriber without a view."""
    assert compile_field_filters([]) is None
    assert compile_field_filters([keep(), drop(), drop("nosuch.name")]) is None
    request = events_pb.GetEventsRequest(field_filters=[keep(), drop("nosuch")])
    assert compile_view(request, FilterRules()) == (None, None)


def test_subscribers_get_the_bytes_of_what_is_left() -> None:
    """The view serializes again only what it changes; other events are passed on."""
    response = sample()
    request = events_pb.GetEventsRequest(field_filters=[keep("process.pid", event_set=[EXEC])])
    kinds, view = compile_view(request, FilterRules())
    exec_, exit_ = (EncodedEvent(kind, response.SerializeToString()) for kind in (EXEC, EXIT))
    exit_.payload = sample("process_exit").SerializeToString()
    assert view is not None
    assert kinds is None

    seen = events_pb.GetEventsResponse.FromString(view(exec_) or b"")

    assert seen.process_exec == exec_of(process=process(7))
    assert (seen.node_name, seen.number) == ("n", 9)
    assert view(exit_) is exit_.payload


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (keep("process..pid"), r"field_filters: 'process..pid' has an empty name"),
        (keep(""), "field_filters: '' has an empty name"),
        (drop("a."), r"'a.' has an empty name"),
        (events_pb.FieldFilter.FromString(b"\x18\x07"), "action 7 is neither INCLUDE nor EXCLUDE"),
        (keep(*(f"a{number}" for number in range(1001))), "limit is 1000 expressions"),
    ],
)
def test_what_is_refused(one: events_pb.FieldFilter, text: str) -> None:
    """A request that cannot be meant fails with one line."""
    with pytest.raises(FilterError, match=text):
        compile_field_filters([one])
    with pytest.raises(FilterError, match="101 field filters are too many; the limit is 100"):
        compile_field_filters([keep("process")] * 101)


def test_a_path_as_long_as_can_be() -> None:
    """Its depth is no problem, wherever it leads."""
    assert exec_of(process={}) == left(sample(), keep("process" + ".a" * 30_000))
    assert left(sample(), drop("process.pod" + ".pod" * 15_000)) == FULL


def test_text_form() -> None:
    """Objects as in the option `field-filters`: the same messages as a request's."""
    text = (
        '{"fields":"process.exec_id, parent.execId","event_set":["PROCESS_EXEC"],'
        '"invert_event_set":true}\n{"action":"EXCLUDE","fields":"parent"} {}'
    )
    inverted: Any = {"invert_event_set": {"value": True}}

    assert parse_field_filters(text) == [
        keep("process.exec_id", "parent.execId", event_set=[EXEC], **inverted),
        drop("parent"),
        events_pb.FieldFilter(fields={}),
    ]
