# SPDX-License-Identifier: Apache-2.0
"""Hits of hooks on the wire: each field of process_kprobe and process_tracepoint."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.wrappers_pb2 import BoolValue, Int32Value, UInt32Value

from server.builders import process
from tetragon import capabilities_pb2, events_pb2
from tetragon import tetragon_pb2 as pb
from tetragon_core.events import HookHit
from tetragon_core.hooks import ArgumentValue, HookEvent, HookInfo, HookMessage, StackFrame
from tetragon_server.encode import EventEncoder
from tetragon_server.process_message import ProcessBuilder

PARTS = ProcessBuilder(with_credentials=False, with_namespaces=False, host=None, users=None)
OPENED = HookInfo(
    event=HookEvent.KPROBE,
    policy_name="p",
    function_name="__x64_sys_openat",
    message="a file was opened",
    tags=("a", "b"),
)
TRACED = HookInfo(
    event=HookEvent.TRACEPOINT, policy_name="p", subsystem="sched", tracepoint="sched_switch"
)
TIME_NS = 1_700_000_000_000_000_007


def message(info: HookInfo = OPENED, **fields: Any) -> HookMessage:
    one = process()
    values: dict[str, Any] = {
        "process": one.key,
        "tid": one.pid,
        "ktime_ns": 1,
        "info": info,
        "action": pb.KPROBE_ACTION_POST,
    }
    return HookMessage(**values | fields)


def encoded(
    hit: HookMessage, *, expose_addresses: bool = False, **fields: Any
) -> events_pb2.GetEventsResponse:
    encoder = EventEncoder(PARTS, node_name="n", cluster_name="", expose_addresses=expose_addresses)
    values: dict[str, Any] = {"process": process(), "parent": process(pid=1), "time_ns": TIME_NS}
    payload = encoder.encode(HookHit(hit=hit, **values | fields)).payload
    return events_pb2.GetEventsResponse.FromString(payload)


def kprobe(hit: HookMessage, **fields: Any) -> pb.ProcessKprobe:
    return encoded(hit, **fields).process_kprobe


ARGUMENTS = [
    (ArgumentValue("string_arg", "é"), pb.KprobeArgument(string_arg="é")),
    (ArgumentValue("string_arg", ""), pb.KprobeArgument(string_arg="")),
    (ArgumentValue("int_arg", 0), pb.KprobeArgument(int_arg=0)),
    (ArgumentValue("int_arg", -(2**31)), pb.KprobeArgument(int_arg=-(2**31))),
    (ArgumentValue("long_arg", -1), pb.KprobeArgument(long_arg=-1)),
    (ArgumentValue("uint_arg", 2**32 - 1), pb.KprobeArgument(uint_arg=2**32 - 1)),
    (ArgumentValue("size_arg", 2**64 - 1, "n"), pb.KprobeArgument(size_arg=2**64 - 1, label="n")),
    (ArgumentValue("bytes_arg", b"\xff\0"), pb.KprobeArgument(bytes_arg=b"\xff\0")),
    (
        ArgumentValue("truncated_bytes_arg", {"bytes_arg": b"\xff", "orig_size": 9}),
        pb.KprobeArgument(
            truncated_bytes_arg=pb.KprobeTruncatedBytes(bytes_arg=b"\xff", orig_size=9)
        ),
    ),
    (
        ArgumentValue("file_arg", {"path": "/a", "flags": "", "permission": "-rw-r--r--"}),
        pb.KprobeArgument(file_arg=pb.KprobeFile(path="/a", permission="-rw-r--r--")),
    ),
    (
        ArgumentValue("sock_arg", {"family": "AF_INET", "dport": 443, "cookie": 2**64 - 1}),
        pb.KprobeArgument(sock_arg=pb.KprobeSock(family="AF_INET", dport=443, cookie=2**64 - 1)),
    ),
    (
        ArgumentValue("capability_arg", {"value": 0, "name": "CAP_CHOWN"}),
        pb.KprobeArgument(
            capability_arg=pb.KprobeCapability(value=Int32Value(value=0), name="CAP_CHOWN")
        ),
    ),
    (
        ArgumentValue("module_arg", {"name": "m", "signature_ok": None, "tainted": [1, 4096]}),
        pb.KprobeArgument(
            module_arg=pb.KernelModule(
                name="m", tainted=["TAINT_PROPRIETARY_MODULE", "TAINT_OUT_OF_TREE_MODULE"]
            )
        ),
    ),
    (
        ArgumentValue("module_arg", {"name": "m", "signature_ok": False}),
        pb.KprobeArgument(module_arg=pb.KernelModule(name="m", signature_ok=BoolValue())),
    ),
    (
        ArgumentValue(
            "process_credentials_arg",
            {
                "uid": 0,
                "securebits": ["SecBitNoRoot"],
                "caps": {"effective": [0, 1]},
                "user_ns": {"level": -1, "ns": {"inum": 7, "is_host": True}},
            },
        ),
        pb.KprobeArgument(
            process_credentials_arg=pb.ProcessCredentials(
                uid=UInt32Value(),
                securebits=[capabilities_pb2.SecBitNoRoot],
                caps=pb.Capabilities(effective=["CAP_CHOWN", "DAC_OVERRIDE"]),
                user_ns=pb.UserNamespace(
                    level=Int32Value(value=-1), ns=pb.Namespace(inum=7, is_host=True)
                ),
            )
        ),
    ),
    (ArgumentValue("bpf_cmd_arg", 5), pb.KprobeArgument(bpf_cmd_arg="BPF_PROG_LOAD")),
    (
        ArgumentValue("error_arg", {"Message": "Bad address"}),
        pb.KprobeArgument(error_arg=pb.KprobeError(Message="Bad address")),
    ),
]


@pytest.mark.parametrize(("value", "expected"), ARGUMENTS, ids=[one.field for one, _ in ARGUMENTS])
def test_arguments(value: ArgumentValue, expected: pb.KprobeArgument) -> None:
    """An argument is the message built by name, in args, data and return alike."""
    event = kprobe(message(arguments=(value, value), data=(value,), return_value=value))

    assert [expected, expected] == list(event.args)
    assert [expected] == list(event.data)
    assert expected == getattr(event, "return")


def test_an_enum_number_without_a_name() -> None:
    """A command newer than the API is shown by its number."""
    (argument,) = kprobe(message(arguments=(ArgumentValue("bpf_cmd_arg", 99),))).args

    assert 99 == argument.bpf_cmd_arg


def test_every_kind_of_argument_has_a_writer() -> None:
    """No field of KprobeArgument is of a type that cannot be written."""
    fields = [field for field in pb.KprobeArgument.DESCRIPTOR.fields if field.name != "label"]
    values: dict[int, Any] = {
        FieldDescriptor.CPPTYPE_STRING: "x",
        FieldDescriptor.CPPTYPE_MESSAGE: {},
    }

    for field in fields:
        value = b"x" if field.name == "bytes_arg" else values.get(field.cpp_type, 1)

        (argument,) = kprobe(message(arguments=(ArgumentValue(field.name, value),))).args

        assert field.name == argument.WhichOneof("arg")


def test_what_a_kprobe_hit_says_of_its_hook() -> None:
    """Function, policy, message, tags and both actions."""
    event = kprobe(message(return_action=pb.KPROBE_ACTION_TRACKSOCK))

    assert "__x64_sys_openat" == event.function_name
    assert "p" == event.policy_name
    assert "a file was opened" == event.message
    assert ["a", "b"] == list(event.tags)
    assert pb.KPROBE_ACTION_POST == event.action
    assert pb.KPROBE_ACTION_TRACKSOCK == event.return_action


def test_a_tracepoint_hit() -> None:
    """It has subsystem and event, its own field numbers, and nothing of a kprobe's."""
    argument = ArgumentValue("string_arg", "x")
    hit = message(TRACED, arguments=(argument,), data=(argument,), return_value=argument)

    response = encoded(hit)

    assert "process_tracepoint" == response.WhichOneof("event")
    event = response.process_tracepoint
    names = [field.name for field, _ in event.ListFields()]
    assert ["process", "parent", "subsys", "event", "args", "policy_name", "action"] == names
    assert ("sched", "sched_switch") == (event.subsys, event.event)
    assert response.time.nanos == 7


def test_hooks_do_not_share_their_texts() -> None:
    """One encoder keeps each hook's own constants."""
    encoder = EventEncoder(PARTS, node_name="n", cluster_name="")
    infos = [
        HookInfo(event=HookEvent.KPROBE, policy_name=f"p{number}", function_name="f")
        for number in range(5000)
    ]

    for info in [*infos, *infos]:
        event = HookHit(process=process(), parent=None, time_ns=1, hit=message(info))
        seen = events_pb2.GetEventsResponse.FromString(encoder.encode(event).payload)

        assert info.policy_name == seen.process_kprobe.policy_name


def test_the_acting_thread_and_its_reference_count() -> None:
    """The process shows the thread that hit and its count of then; its parent does not."""
    one, parent = process(), process(pid=1, forked=True)
    one.refcnt, parent.refcnt = 2, 5

    event = kprobe(message(tid=4242), process=one, parent=parent, refcnt=3)
    plain = kprobe(message(tid=one.pid), process=one, parent=parent)

    assert (42, 4242, 3) == (
        event.process.pid.value,
        event.process.tid.value,
        event.process.refcnt,
    )
    assert (1, 1) == (event.parent.tid.value, event.parent.refcnt)
    assert one.pid == plain.process.tid.value


def test_an_unknown_process_has_pid_and_time_only() -> None:
    """What nobody knows is not made up, and the hit is reported all the same."""
    unknown = process(node=None, image=None, flags="")

    event = kprobe(message(tid=4242), process=unknown, parent=None)

    assert ["pid", "start_time"] == [field.name for field, _ in event.process.ListFields()]
    assert not event.HasField("parent")


def test_ancestors() -> None:
    """They come in order, as other events show them."""
    event = kprobe(message(), ancestors=(process(pid=7), process(pid=3)))

    assert [7, 3] == [one.pid.value for one in event.ancestors]


@pytest.mark.parametrize("expose", [False, True], ids=["default", "expose"])
def test_stack_traces(*, expose: bool) -> None:
    """Frames keep their order; addresses are told only when that was asked for."""
    kernel = (StackFrame(0xFFFF0001, 4, "do_sys_open"), StackFrame(0xFFFF0002, 0, ""))
    user = (StackFrame(0x7F01, 0x10, "main", "/bin/cat"),)

    event = kprobe(message(kernel_stack=kernel, user_stack=user), expose_addresses=expose)

    def entry(frame: StackFrame) -> pb.StackTraceEntry:
        shown = frame if expose else frame._replace(address=0)
        return pb.StackTraceEntry(**shown._asdict())

    assert [entry(frame) for frame in kernel] == list(event.kernel_stack_trace)
    assert [entry(frame) for frame in user] == list(event.user_stack_trace)
