# SPDX-License-Identifier: Apache-2.0
"""Events on the wire: joined bytes equal built messages, and each field follows the API's rules."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from server.builders import HOST, exec_event, exit_event, image, process, random_event
from tetragon import events_pb2, tetragon_pb2
from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.messages import Capabilities, Credentials
from tetragon_core.process import BinaryProperties
from tetragon_core.users import UserNames
from tetragon_server.encode import EventEncoder, lost_suffix
from tetragon_server.process_message import ProcessBuilder, build_binary_properties
from tetragon_server.wire import varint

if TYPE_CHECKING:
    from pathlib import Path

    from tetragon_core.events import Event
    from tetragon_core.process import Process


def builder(**options: Any) -> ProcessBuilder:
    values: dict[str, Any] = {
        "with_credentials": False,
        "with_namespaces": False,
        "host": HOST,
        "users": None,
    }
    return ProcessBuilder(**values | options)


def decoded(event: Event, **options: Any) -> events_pb2.GetEventsResponse:
    encoder = EventEncoder(builder(**options), node_name="n1", cluster_name="")
    return events_pb2.GetEventsResponse.FromString(encoder.encode(event).payload)


def built_whole(
    event: ProcessExec | ProcessExit, parts: ProcessBuilder
) -> events_pb2.GetEventsResponse:
    """The oracle: the same event as one message, every field set by name."""
    response = events_pb2.GetEventsResponse(
        node_name="n1", cluster_name="c1", time=_timestamp(event.time_ns)
    )
    is_exec = isinstance(event, ProcessExec)
    inner = response.process_exec if is_exec else response.process_exit
    inner.process.CopyFrom(_whole_process(event.process, parts, with_properties=is_exec))
    if event.parent is not None:
        inner.parent.CopyFrom(_whole_process(event.parent, parts, with_properties=False))
    for one in event.ancestors:
        inner.ancestors.append(_whole_process(one, parts, with_properties=False))
    if isinstance(event, ProcessExit):
        response.process_exit.status = event.status
        response.process_exit.signal = event.signal
        response.process_exit.time.CopyFrom(_timestamp(event.time_ns))
    return response


def _whole_process(
    one: Process, parts: ProcessBuilder, *, with_properties: bool
) -> tetragon_pb2.Process:
    message = parts.build(one)
    message.refcnt = 1 if one.forked else 0
    properties = one.image.properties if one.image else None
    if with_properties and parts.with_credentials and properties is not None:
        expected = build_binary_properties(properties)
        if expected.ListFields():
            message.binary_properties.CopyFrom(expected)
    return message


def _timestamp(wall_ns: int) -> Timestamp:
    return Timestamp(seconds=wall_ns // 10**9, nanos=wall_ns % 10**9)


@pytest.mark.parametrize("everything", [False, True], ids=["defaults", "all-options"])
def test_joined_bytes_equal_the_built_message(*, everything: bool) -> None:
    """Three thousand random events decode to exactly the message built field by field."""
    random = Random(20)
    parts = builder(with_credentials=everything, with_namespaces=everything)
    encoder = EventEncoder(parts, node_name="n1", cluster_name="c1")

    for _ in range(3000):
        event = random_event(random)

        encoded = encoder.encode(event)

        actual = events_pb2.GetEventsResponse.FromString(encoded.payload)
        assert built_whole(event, parts) == actual
        assert actual.WhichOneof("event") == events_pb2.EventType.Name(encoded.kind).lower()


def test_uid_zero_is_present() -> None:
    """Root is told apart from an unknown user: the wrapper is there with value 0."""
    message = decoded(exec_event()).process_exec.process

    assert message.HasField("uid")
    assert message.uid.value == 0


def test_unknown_process_has_pid_and_time_only() -> None:
    """A process nothing is known of shows what the kernel said and nothing made up."""
    message = decoded(
        exit_event(process=process(node=None, image=None, flags=""))
    ).process_exit.process

    assert [field.name for field, _ in message.ListFields()] == ["pid", "start_time"]


@pytest.mark.parametrize(("forked", "expected"), [(False, 0), (True, 1)], ids=["exec", "fork"])
def test_refcnt_of_exit_events(*, forked: bool, expected: int) -> None:
    """A forked image shows one reference, an exec'd one none, as process and as parent."""
    one = process(forked=forked)

    event = decoded(exit_event(process=one, parent=one)).process_exit

    assert (event.process.refcnt, event.parent.refcnt) == (expected, expected)


def test_container_id_is_cut_to_31() -> None:
    """Filters of clients match on 31 characters."""
    one = process(image=image(container_id="0123456789abcdef" * 4))

    message = decoded(exec_event(process=one)).process_exec.process

    assert message.docker == "0123456789abcdef0123456789abcde"


def test_properties_are_told_at_exec_only() -> None:
    """What an exec changed is in process_exec, and neither in its exit nor in a child's parent."""
    one = process(image=image(properties=BinaryProperties(setuid=0, raised_by_setuid=True)))

    told = decoded(exec_event(process=one, parent=one), with_credentials=True).process_exec
    exited = decoded(exit_event(process=one), with_credentials=True).process_exit

    assert told.process.binary_properties.privileges_changed == [2]
    assert told.process.binary_properties.HasField("setuid")
    assert not told.parent.HasField("binary_properties")
    assert not exited.process.HasField("binary_properties")


def test_nothing_changed_means_no_properties() -> None:
    """An exec that changed no privilege has no such field at all."""
    one = process(image=image(properties=BinaryProperties()))

    message = decoded(exec_event(process=one), with_credentials=True).process_exec.process

    assert not message.HasField("binary_properties")


def test_credentials_are_off_unless_asked_for() -> None:
    """Credentials, capabilities and namespaces need their options."""
    one = process(
        image=image(
            credentials=Credentials(*range(9)),
            capabilities=Capabilities(1, 1, 1),
            namespaces=HOST,
        )
    )

    message = decoded(exec_event(process=one)).process_exec.process

    present = {field.name for field, _ in message.ListFields()}
    assert present.isdisjoint({"cap", "process_credentials", "ns"})


def test_capabilities_low_bit_first_without_unknown_ones() -> None:
    """Bit 63 belongs to no capability and is left out."""
    sets = Capabilities(permitted=1 << 63 | 1 << 21 | 1, effective=0, inheritable=1 << 40)
    one = process(image=image(capabilities=sets))

    message = decoded(exec_event(process=one), with_credentials=True).process_exec.process

    assert list(message.cap.permitted) == [0, 21]
    assert list(message.cap.effective) == []
    assert list(message.cap.inheritable) == [40]


def test_namespaces_compare_with_pid_1() -> None:
    """is_host is per namespace; one the kernel does not have is absent."""
    one = process(image=image(namespaces=HOST._replace(net=7, time=0)))

    message = decoded(exec_event(process=one), with_namespaces=True).process_exec.process

    assert (message.ns.mnt.is_host, message.ns.net.is_host) == (True, False)
    assert message.ns.net.inum == 7
    assert not message.ns.HasField("time")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(HOST, "toor"), (HOST._replace(mnt=7), ""), (HOST._replace(user=7), ""), (None, "")],
    ids=["host", "own-files", "own-ids", "unknown"],
)
def test_user_name_only_on_the_host(tmp_path: Path, seen: Any, expected: str) -> None:
    """The host's passwd file names users of the host's own mount and user namespace."""
    passwd = tmp_path / "passwd"
    passwd.write_text("broken line\ntoor:x:0:0::/:/bin/sh\nsecond:x:0:0::/:/bin/sh\n")
    one = process(image=image(namespaces=seen))

    message = decoded(exec_event(process=one), users=UserNames(passwd)).process_exec.process

    assert message.user.name == expected


def test_user_names_follow_the_file(tmp_path: Path) -> None:
    """A user added while the agent runs gets a name, and a file that vanishes takes none away."""
    passwd = tmp_path / "passwd"
    passwd.write_text("a:x:1:1::/:\n")
    users = UserNames(passwd)
    before = users.name(2)
    passwd.write_text("a:x:1:1::/:\nnew:x:2:2::/:\n")

    added = users.name(2)
    passwd.unlink()

    assert (before, added, users.name(2)) == ("", "new", "new")


def test_lost_note_is_a_suffix() -> None:
    """Appending the note to shared bytes changes that one field."""
    payload = EventEncoder(builder(), node_name="n1", cluster_name="").encode(exec_event()).payload

    noted = events_pb2.GetEventsResponse.FromString(
        payload + lost_suffix(before_agent=300, in_queue=2)
    )

    assert (noted.lost.before_agent, noted.lost.in_queue) == (300, 2)
    noted.ClearField("lost")
    assert noted == events_pb2.GetEventsResponse.FromString(payload)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02"), (2**64 - 1, None)],
)
def test_varint(value: int, expected: bytes | None) -> None:
    """Seven bits a byte, low ones first, the top bit says that more follow."""
    encoded = varint(value)

    assert encoded == (expected or b"\xff" * 9 + b"\x01")
