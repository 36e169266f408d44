# SPDX-License-Identifier: Apache-2.0
"""Hits of each kind of hook on the wire, compared with the message that protobuf builds by name."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from server.builders import process
from server.test_hook_bytes import PARTS, TIME_NS, encoded, message
from tetragon import events_pb2
from tetragon import tetragon_pb2 as pb
from tetragon_core.events import HookHit
from tetragon_core.hooks import ArgumentValue, HookEvent, HookInfo, StackFrame
from tetragon_server.ancestors import wants_ancestors
from tetragon_server.encode import EventEncoder

SAID: dict[str, Any] = {"policy_name": "p", "message": "é", "tags": ("a", "b")}
HOOKS: dict[HookEvent, tuple[dict[str, Any], dict[str, Any]]] = {
    HookEvent.KPROBE: ({"function_name": "tcp_connect"}, {"function_name": "tcp_connect"}),
    HookEvent.TRACEPOINT: (
        {"subsystem": "sched", "tracepoint": "sched_switch"},
        {"subsys": "sched", "event": "sched_switch"},
    ),
    HookEvent.LSM: ({"function_name": "file_open"}, {"function_name": "file_open"}),
    HookEvent.UPROBE: (
        {"path": "/bin/bash", "symbol": "readline+0x4", "offset": 1 << 40, "ref_ctr_offset": 8},
        {"path": "/bin/bash", "symbol": "readline+0x4", "offset": 1 << 40, "ref_ctr_offset": 8},
    ),
    HookEvent.USDT: (
        {"path": "/lib/libc.so.6", "provider": "libc", "probe": "setjmp"},
        {"path": "/lib/libc.so.6", "provider": "libc", "name": "setjmp"},
    ),
}
"""What the sensor says of a hook, and the fields that show it. Loads are another matter."""
ARGUMENT, SHOWN = ArgumentValue("int_arg", -5, "n"), pb.KprobeArgument(int_arg=-5, label="n")
ALL_PARTS: dict[str, Any] = {
    "action": pb.KPROBE_ACTION_OVERRIDE,
    "arguments": (ARGUMENT, ARGUMENT),
    "data": (ARGUMENT,),
    "return_value": ARGUMENT,
    "return_action": pb.KPROBE_ACTION_POST,
    "kernel_stack": (StackFrame(0, 1, "f"),),
    "user_stack": (StackFrame(0, 2, "g", "/bin/x"),),
    "is_monitored": True,
    "ima_hash": "sha256:00ff",
}
FIELDS_OF_PARTS: dict[str, Any] = {
    "action": pb.KPROBE_ACTION_OVERRIDE,
    "args": [SHOWN, SHOWN],
    "data": [SHOWN],
    "return": SHOWN,
    "return_action": pb.KPROBE_ACTION_POST,
    "kernel_stack_trace": [pb.StackTraceEntry(offset=1, symbol="f")],
    "user_stack_trace": [pb.StackTraceEntry(offset=2, symbol="g", module="/bin/x")],
    "is_monitored": True,
    "ima_hash": "sha256:00ff",
}


@pytest.mark.parametrize("kind", HOOKS, ids=lambda kind: kind.value)
def test_every_part_of_a_hit(kind: HookEvent) -> None:
    """Each part is in the field of its name, and what the type of event has no field for is not."""
    said, shown = HOOKS[kind]

    response = encoded(message(HookInfo(event=kind, **said, **SAID), **ALL_PARTS))

    assert kind.value == response.WhichOneof("event")
    event = getattr(response, kind.value)
    possible = event.DESCRIPTOR.fields_by_name.keys()
    parts = {name: value for name, value in FIELDS_OF_PARTS.items() if name in possible}
    expected = type(event)(**shown, **SAID, **parts, process=event.process, parent=event.parent)
    assert expected == event
    assert (42, 1) == (event.process.pid.value, event.parent.pid.value)
    assert TIME_NS == response.time.ToNanoseconds()


@pytest.mark.parametrize("kind", HOOKS, ids=lambda kind: kind.value)
def test_a_bare_hit(kind: HookEvent) -> None:
    """What a hit does not have is not on the wire, not even as a default."""
    hit = message(HookInfo(event=kind, policy_name=""), action=0)

    event = getattr(encoded(hit, parent=None), kind.value)

    assert ["process"] == [field.name for field, _ in event.ListFields()]


@pytest.mark.parametrize("kind", HOOKS, ids=lambda kind: kind.value)
def test_the_thread_and_the_ancestors_of_each_kind(kind: HookEvent) -> None:
    """The process shows the thread that hit and its count of then; ancestors keep their order."""
    one = process()
    ancestors = (process(pid=7), process(pid=3))

    hit = message(HookInfo(event=kind, policy_name="p"), tid=4242)
    event = getattr(encoded(hit, process=one, ancestors=ancestors, refcnt=3), kind.value)

    assert (42, 4242, 3) == (event.process.pid.value, event.process.tid.value, event.process.refcnt)
    assert [7, 3] == [one.pid.value for one in event.ancestors]


def test_a_load() -> None:
    """Path and build id are fields of their own; the thread is not told, as in Tetragon."""
    loaded = (ArgumentValue("string_arg", "/lib/é.so"), ArgumentValue("bytes_arg", b"\xde\xad"))
    hit = message(HookInfo(event=HookEvent.LOADER, policy_name="p"), tid=4242, arguments=loaded)

    response = encoded(hit, ancestors=(process(pid=7),))

    assert "process_loader" == response.WhichOneof("event")
    event = response.process_loader
    assert ("/lib/é.so", b"\xde\xad") == (event.path, event.buildid)
    assert (42, 42, 1) == (event.process.pid.value, event.process.tid.value, event.parent.pid.value)
    assert [7] == [one.pid.value for one in event.ancestors]


def test_every_kind_of_hook_has_a_type_of_event() -> None:
    """A hit of any kind is encoded under the number of its own field, which filters look at."""
    encoder = EventEncoder(PARTS, node_name="n", cluster_name="")
    fields = events_pb2.GetEventsResponse.DESCRIPTOR.fields_by_name

    for kind in HookEvent:
        hit = message(HookInfo(event=kind, policy_name="p"))
        event = HookHit(process=process(), parent=None, time_ns=1, hit=hit)

        number = encoder.encode(event).kind

        assert fields[kind.value].number == number
        assert kind.value.upper() == events_pb2.EventType.Name(number)


@pytest.mark.parametrize("kind", HookEvent, ids=lambda kind: kind.value)
def test_which_types_of_events_list_ancestors(kind: HookEvent) -> None:
    """Each type has the name that Tetragon's --enable-ancestors gives it, and only that."""
    hit = message(HookInfo(event=kind, policy_name="p"))
    event = HookHit(process=process(), parent=None, time_ns=1, hit=hit)
    names = ("base", "kprobe", "tracepoint", "loader", "uprobe", "lsm", "usdt")

    wanted = [name for name in names if wants_ancestors(event, frozenset({name}))]

    assert [kind.value.removeprefix("process_")] == wanted


def test_kinds_of_hooks_in_one_stream() -> None:
    """One encoder that sees them in any order mixes nothing up."""
    infos = [HookInfo(event=kind, **said, **SAID) for kind, (said, _) in HOOKS.items()]
    encoder = EventEncoder(PARTS, node_name="n", cluster_name="")

    for pair in itertools.permutations(infos, 2):
        for info in pair:
            hit = HookHit(process=process(), parent=None, time_ns=1, hit=message(info))
            seen = events_pb2.GetEventsResponse.FromString(encoder.encode(hit).payload)

            event = getattr(seen, info.event.value)
            shown = HOOKS[info.event][1]
            assert shown == {name: getattr(event, name) for name in shown}
