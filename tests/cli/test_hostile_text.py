# SPDX-License-Identifier: Apache-2.0
"""Names and arguments chosen by an attacker never drive the terminal, in any format."""

from __future__ import annotations

import json
import os
import pty
import random
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from tetragon.events_pb2 import GetEventsResponse
from tetragon_cli.compact import CompactFormat
from tetragon_cli.compact.kinds import KINDS
from tetragon_cli.mini import MiniFormat
from tetragon_cli.table import TableFormat
from tetragon_cli.terminal_json import TerminalJson
from tetragon_cli.terminal_replay import TerminalReplay
from tetragon_server.jsontext import JsonFormat

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from google.protobuf.message import Message

    from tetragon_cli.getevents import Format

    Start = Callable[..., subprocess.Popen[bytes]]

HOSTILE: Final = "\x1b[2J\x9b5m\u202e\u2066\r\n\t\x00\x7f\u200b\U000e0041"
OURS: Final = re.compile(r"\x1b\[\d\d?m")
FORMATS: Final[dict[str, Callable[[], Format]]] = {
    "compact": CompactFormat,
    "compact-colours": lambda: CompactFormat(colours=True, timestamps=True),
    "mini": lambda: MiniFormat(colours=True, has_nodes=True),
    "table": lambda: TableFormat(colours=True, has_nodes=True),
    "table-terminal": lambda: TableFormat(colours=True, has_nodes=True, width=lambda: 200),
    "json": lambda: TerminalJson(JsonFormat(all_fields=True)),
}


def fill(message: Message, choose: random.Random, depth: int = 0) -> None:
    """Put something into every field, hostile text wherever text goes."""
    for field in message.DESCRIPTOR.fields:
        one_of = field.containing_oneof
        if depth > 4 or (one_of is not None and message.WhichOneof(one_of.name) is not None):
            continue
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                continue
            child = getattr(message, field.name)
            fill(child.add() if field.is_repeated else child, choose, depth + 1)
            if not field.is_repeated:
                child.SetInParent()
        elif field.type in {field.TYPE_STRING, field.TYPE_BYTES}:
            text: Any = f"a{HOSTILE}b{choose.random()}"
            value = text if field.type == field.TYPE_STRING else text.encode()
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)


def hostile_events() -> list[GetEventsResponse]:
    """One of each kind; kprobes of every function with a row, with each type of argument."""
    choose = random.Random(1)
    events = []
    for kind in (*KINDS, "process_throttle"):
        for _ in range(20):
            response = GetEventsResponse()
            fill(getattr(response, kind), choose)
            response.node_name = f"n{HOSTILE}"
            events.append(response)
    for argument in GetEventsResponse().process_kprobe.args.add().DESCRIPTOR.fields:
        for name in ("fd_install", "__x64_sys_openat", "tcp_connect", "bpf_check", "sys_mount"):
            response = GetEventsResponse()
            hit = response.process_kprobe
            hit.process.binary, hit.function_name = HOSTILE, name
            for _ in range(3):
                one = hit.args.add()
                if argument.message_type is not None:
                    fill(getattr(one, argument.name), choose)
                    getattr(one, argument.name).SetInParent()
                elif argument.type == argument.TYPE_STRING:
                    setattr(one, argument.name, HOSTILE)
            events.append(response)
    return events


@pytest.mark.parametrize("name", FORMATS)
def test_only_our_own_sequences_reach_the_terminal(name: str) -> None:
    """What is left without our colours is printable text and line ends."""
    form = FORMATS[name]()
    for event in hostile_events():
        shown = form.render(event)
        assert isinstance(shown, str)
        assert not [one for one in OURS.sub("", shown) if not one.isprintable() and one != "\n"]
        extra = name.startswith("compact") and event.HasField("process_kprobe")
        assert extra or name.startswith(("compact", "table")) or 1 == shown.count("\n")


def test_json_for_a_terminal_is_the_same_json() -> None:
    """It is only written differently."""
    for event in hostile_events():
        line = JsonFormat().render(event)
        assert json.loads(line) == json.loads(TerminalJson(JsonFormat()).render(event))


def test_json_on_a_terminal(agent: Any, start_client: Start) -> None:
    """The client chooses the safe form there by itself."""
    event = GetEventsResponse(node_name="\x9b31m\U000e0041")
    agent.events = [event]
    reader, terminal = pty.openpty()

    client = start_client(
        "getevents", "-o", "json", "--server-address", agent.address, stdout=terminal
    )

    assert 0 == client.wait(timeout=60)
    os.close(terminal)
    assert b'{"node_name":"\\u009b31m\\udb40\\udc41"}\r\n' == os.read(reader, 1000)
    os.close(reader)


def test_notes_are_safe_too(agent: Any, start_client: Start) -> None:
    """So is what an agent says about its refusal."""
    import grpc  # noqa: PLC0415  # not needed by the others

    agent.failure = grpc.StatusCode.INTERNAL
    agent.failure_text = f"no{HOSTILE}"

    client = start_client("getevents", "--server-address", agent.address)

    _, err = client.communicate(timeout=60)
    assert 1 == client.returncode
    assert not [one for one in err.decode() if not one.isprintable() and one != "\n"]


def test_tty_encode_is_raw_by_design() -> None:
    """Bytes written to the path, and only these, come as they are."""
    form = TerminalReplay("/dev/pts/0")
    written = GetEventsResponse()
    for path, data in (("/dev/pts/0", b"\x1b[2J\xff"), ("/dev/pts/1", b"other")):
        written.process_kprobe.ClearField("args")
        written.process_kprobe.args.add().file_arg.path = path
        written.process_kprobe.args.add().bytes_arg = data
        expected = data if path == "/dev/pts/0" else b""
        assert expected == form.render(written)

    assert b"" == form.render(GetEventsResponse())


def test_tty_encode(agent: Any, start_client: Start) -> None:
    """It wins over -o, and adds nothing to the bytes."""
    event = GetEventsResponse()
    event.process_kprobe.args.add().file_arg.path = "/dev/pts/0"
    event.process_kprobe.args.add().bytes_arg = b"\xff\x1b[1mx"
    agent.events = [event, GetEventsResponse(node_name="n"), event]

    client = start_client(
        *("getevents", "-o", "json", "-t", "/dev/pts/0", "--server-address", agent.address)
    )

    assert b"\xff\x1b[1mx\xff\x1b[1mx" == client.communicate(timeout=60)[0]
