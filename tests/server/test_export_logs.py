# SPDX-License-Identifier: Apache-2.0
"""What syslog servers and the journal get of the export, and what is told when they are away."""

from __future__ import annotations

import array
import os
import socket
from typing import TYPE_CHECKING

import pytest

from tetragon import events_pb2
from tetragon_core.errors import UsageError
from tetragon_server.export.journal_sink import JournalSink
from tetragon_server.export.sink import ExportedEvent, SinkError
from tetragon_server.export.syslog_sink import SyslogSink

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_S = 20
TIME_NS = 1_700_000_000_123_456_789
HEAD = "<110>1 2023-11-14T22:13:20.123456Z node1 tetragon-mini - PROCESS_EXIT - "


def event(text: str) -> ExportedEvent:
    return ExportedEvent(events_pb2.PROCESS_EXIT, TIME_NS, text.encode())


def bound(address: str | tuple[str, int]) -> socket.socket:
    """A datagram socket at a path, or at a port of its own."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.settimeout(DEADLINE_S)
    one.bind(address)
    return one


def test_syslog_over_udp() -> None:
    """A message of RFC 5424 for each event."""
    with bound(("127.0.0.1", 0)) as server:
        sink = SyslogSink(f"udp://127.0.0.1:{server.getsockname()[1]}", node_name="node1")
        sink.write([event('{"a":1}'), event('{"a":2}')])
        sink.close()
        received = [server.recv(4096).decode() for _ in range(2)]

    assert [HEAD + '{"a":1}', HEAD + '{"a":2}'] == received


def test_syslog_over_a_unix_socket(tmp_path: Path) -> None:
    """The same on this host, up to the size that is promised."""
    path = str(tmp_path / "log")
    with bound(path) as server:
        sink = SyslogSink(f"unix://{path}", node_name="node1")
        largest = "x" * sink.max_line_bytes
        sink.write([event(largest)])
        sink.close()
        received = server.recv(1 << 20).decode()

    assert HEAD + largest == received


def test_syslog_over_tcp() -> None:
    """Each message has its length before it, as RFC 6587 counts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = SyslogSink(f"tcp://127.0.0.1:{server.getsockname()[1]}", node_name="node1")
        sink.write([event("{}"), event('{"é":2}')])
        sink.close()
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            received = stream.read()

    first, second = (HEAD + "{}").encode(), (HEAD + '{"é":2}').encode()
    assert b"%d %b%d %b" % (len(first), first, len(second), second) == received


def test_syslog_receiver_that_was_restarted() -> None:
    """What comes after it hung up goes to its successor, and nothing is lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = SyslogSink(f"tcp://127.0.0.1:{server.getsockname()[1]}", node_name="node1")
        sink.write([event('{"a":1}')])
        server.accept()[0].close()

        sink.write([event('{"b":2}')])

        with server.accept()[0] as connection:
            sink.close()
            assert connection.makefile("rb").read().endswith(b'{"b":2}')


def test_a_syslog_server_that_is_away() -> None:
    """The error names the server; when it is there again, the same sink reaches it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    sink = SyslogSink(f"tcp://127.0.0.1:{address[1]}", node_name="node1")
    with pytest.raises(SinkError) as caught:
        sink.write([event("{}")])
    with socket.create_server(address) as server:
        sink.write([event("{}")])
        sink.close()
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            received = stream.read()

    assert f"cannot send to tcp://127.0.0.1:{address[1]}: Connection refused; " in str(caught.value)
    assert 0 == caught.value.written
    assert received.endswith(b" {}")


@pytest.mark.parametrize(
    "target",
    ["localhost", "udp://", "unix://dev/log", "tcp://h:99999", "http://h:1", "udp://h:1/x"],
)
def test_targets_that_are_none(target: str) -> None:
    """They are refused at start, with examples."""
    with pytest.raises(UsageError, match=r"write unix:///dev/log, udp://host:514 or tcp://"):
        SyslogSink(target, node_name="n")


@pytest.mark.parametrize(
    ("target", "port"), [("udp://h", 514), ("tcp://h", 601), ("tcp://[::1]:7", 7)]
)
def test_ports(target: str, port: int) -> None:
    """A port may be left out."""
    assert port == SyslogSink(target, node_name="n")._place.address[1]


def test_journal(tmp_path: Path) -> None:
    """An entry has the JSON as its message and what journalctl selects by."""
    path = str(tmp_path / "socket")
    with bound(path) as server:
        sink = JournalSink(path)
        sink.write([event('{"a":1}')])
        sink.close()
        received = server.recv(4096).decode()

    assert [
        "PRIORITY=6",
        "SYSLOG_IDENTIFIER=tetragon-mini",
        "TETRAGON_EVENT_TYPE=PROCESS_EXIT",
        f"TETRAGON_TIME_NS={TIME_NS}",
        'MESSAGE={"a":1}',
    ] == received.splitlines()


def test_journal_entry_too_large_for_a_datagram(tmp_path: Path) -> None:
    """It arrives whole, as a memory file nobody can change any more."""
    path = str(tmp_path / "socket")
    text = "x" * 1_000_000
    with bound(path) as server:
        sink = JournalSink(path)
        sink.write([event(text)])
        sink.close()
        room = socket.CMSG_SPACE(array.array("i").itemsize)
        data, ((_, _, rights),), _, _ = server.recvmsg(16, room)
        descriptor = array.array("i", rights)[0]
        entry = os.pread(descriptor, 2_000_000, 0).decode()
        with pytest.raises(PermissionError):
            os.write(descriptor, b"x")
        os.close(descriptor)

    assert b"" == data
    assert f"MESSAGE={text}" == entry.splitlines()[-1]


def test_no_journal(tmp_path: Path) -> None:
    """The error says where it was looked for."""
    path = str(tmp_path / "socket")

    with pytest.raises(SinkError) as caught:
        JournalSink(path).write([event("{}")])

    assert f"cannot write to the journal ({path}): No such file or directory; does" in str(
        caught.value
    )
