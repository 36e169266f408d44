# SPDX-License-Identifier: Apache-2.0
"""Small text forms: mini lines, durations, quoting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tetragon.events_pb2 import GetEventsResponse
from tetragon_cli.compact.text import quote
from tetragon_cli.durations import parse_duration_s
from tetragon_cli.mini import MiniFormat
from tetragon_cli.unprintable import UnprintableEventError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mini(tmp_path: Path) -> MiniFormat:
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0::/:/bin/sh\n")
    return MiniFormat(passwd)


def event(kind: str = "process_exec", uid: int | None = 0, **fields: Any) -> GetEventsResponse:
    response = GetEventsResponse()
    process = getattr(response, kind).process
    process.pid.value = 1781470
    process.binary = "/usr/bin/ls"
    process.arguments = fields.pop("arguments", "-la")
    if uid is not None:
        process.uid.value = uid
    for name, value in fields.items():
        setattr(getattr(response, kind), name, value)
    return response


def test_mini_exec_with_pod(mini: MiniFormat) -> None:
    """The line of the original tool."""
    response = event()
    response.process_exec.process.pod.namespace = "default"
    response.process_exec.process.pod.name = "nginx"

    expected = "🚀 process      1781470: root: /usr/bin/ls -la default/nginx\n"
    assert expected == mini.render(response)


@pytest.mark.parametrize(
    ("fields", "end"), [({"status": 3}, "status 3"), ({"signal": "SIGKILL"}, "SIGKILL")]
)
def test_mini_exit_tells_the_end(fields: dict[str, Any], end: str, mini: MiniFormat) -> None:
    """Columns are those of exec; status or signal is added."""
    expected = f"💥 exit         1781470: root: /usr/bin/ls -la {end}\n"

    assert expected == mini.render(event("process_exit", **fields))


@pytest.mark.parametrize(
    ("kind", "fields", "end"),
    [
        ("process_kprobe", {"function_name": "do_thing"}, "do_thing"),
        ("process_tracepoint", {"subsys": "sched", "event": "sched_switch"}, "sched sched_switch"),
    ],
    ids=["kprobe", "tracepoint"],
)
def test_mini_hits_of_policies(
    kind: str, fields: dict[str, Any], end: str, mini: MiniFormat
) -> None:
    """The hook follows the binary, without the process's arguments."""
    line = mini.render(event(kind, **fields))

    assert f"     1781470: root: /usr/bin/ls {end}\n" in line


@pytest.mark.parametrize(("uid", "user"), [(4242, "4242"), (None, "?")])
def test_mini_users_without_a_name(uid: int | None, user: str, mini: MiniFormat) -> None:
    """The number, or a question mark."""
    assert f": {user}: " in mini.render(event(uid=uid))


def test_mini_prefers_the_agents_user_name(mini: MiniFormat) -> None:
    """The agent's host may have other users than ours."""
    response = event()
    response.process_exec.process.user.name = "www"

    assert ": www: " in mini.render(response)


def test_mini_lines_cannot_drive_the_terminal(mini: MiniFormat) -> None:
    """Control and direction characters are shown as escapes."""
    text = mini.render(event(arguments="\x1b[2J\n\u202e é"))

    assert text.endswith("/usr/bin/ls \\x1b[2J\\n\\u202e é\n")


def test_mini_refuses_events_without_process(mini: MiniFormat) -> None:
    """They become a note."""
    with pytest.raises(UnprintableEventError):
        mini.render(GetEventsResponse())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("1h30m", 5400.0), ("250ms", 0.25), ("1.5m", 90.0), ("7", 7.0), ("0", 0.0)],
)
def test_durations(text: str, seconds: float) -> None:
    """Go's forms, and bare seconds."""
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "5x", "1m 2s", "-1s", "1h-2m"])
def test_no_durations(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ('a"b', 'a"b'),
        ('a "b"', '"a \\"b\\""'),
        ("\\ ", '"\\\\ "'),
        ("\a\b\f\n\r\t\v\x00\x7f\x85", '"\\a\\b\\f\\n\\r\\t\\v\\x00\\x7f\\u0085"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_quoting(text: str, expected: str) -> None:
    """Printable words stay as they are; the rest is a double-quoted literal."""
    assert expected == quote(text)
