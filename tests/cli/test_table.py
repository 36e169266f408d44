# SPDX-License-Identifier: Apache-2.0
"""The table format: columns, widths, and what is cut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from tetragon.events_pb2 import GetEventsResponse, ThrottleType
from tetragon_cli.display_width import fitted
from tetragon_cli.table import TableFormat
from tetragon_cli.unprintable import UnprintableEventError

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_700_000_000  # 22:13:20


def exec_event(**fields: Any) -> GetEventsResponse:
    event = GetEventsResponse(node_name="node1")
    event.time.seconds, event.time.nanos = SECOND, 123_456_789
    process = event.process_exec.process
    process.pid.value, process.uid.value = 4242, 0
    process.binary, process.arguments = "/usr/bin/ls", "-l /tmp"
    for name, value in fields.items():
        setattr(process, name, value)
    return event


def exit_event(signal: str = "", status: int = 0) -> GetEventsResponse:
    event = exec_event()
    ended = GetEventsResponse(node_name="node1", time=event.time)
    ended.process_exit.process.CopyFrom(event.process_exec.process)
    ended.process_exit.signal, ended.process_exit.status = signal, status
    return ended


def in_pod(event: GetEventsResponse) -> GetEventsResponse:
    event.process_exec.process.pod.namespace = "shop"
    event.process_exec.process.pod.name = "cart-6f9"
    return event


@pytest.fixture
def passwd(tmp_path: Path) -> Path:
    """Return a password file with root in it."""
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0::/root:/bin/sh\n")
    return path


def lines_of(form: TableFormat, *events: GetEventsResponse) -> list[str]:
    return "".join(form.render(event) for event in events).splitlines()


def test_elsewhere_every_column_is_there_and_nothing_is_cut(passwd: Path) -> None:
    """One heading; cells line up; an empty one is a dash, so that columns can be counted."""
    long = "x" * 300

    shown = lines_of(TableFormat(passwd=passwd), exec_event(arguments=""), exec_event(cwd=long))
    pod = lines_of(TableFormat(passwd=passwd), in_pod(exec_event(arguments=long)))[1]

    assert ["TIME", "TYPE", "PID", "USER", "POD", "PROCESS", "DETAILS"] == shown[0].split()
    assert ["22:13:20.123", "exec", "4242", "root", "-", "/usr/bin/ls", "-"] == shown[1].split()
    assert shown[0].index("DETAILS") == shown[2].index("-l /tmp")
    assert f"shop/cart-6f9            /usr/bin/ls              {long}" in pod


def test_a_terminal_gets_its_width(passwd: Path) -> None:
    """Rows are cut to the columns there are; a pod adds a column, and a heading for it."""
    form = TableFormat(passwd=passwd, width=lambda: 100)

    plain, pod = exec_event(arguments="x" * 300), in_pod(exec_event(arguments="x" * 300))
    shown = lines_of(form, plain, plain, pod, plain)

    assert ["TIME", "22:13:20.123", "22:13:20.123", "TIME", *["22:13:20.123"] * 2] == [
        line.split()[0] for line in shown
    ]
    assert "POD" not in shown[0]
    assert "POD" in shown[3]
    assert {100} == {len(line) for line in shown[1:3] + shown[4:]}
    assert all(line.endswith("x…") for line in shown[1:3] + shown[4:])


@pytest.mark.parametrize("width", [1, 10, 20, 40, 60, 80, 120, 250])
def test_any_width(width: int, passwd: Path) -> None:
    """No line is wider than the terminal, as soon as the type and the pid have room."""
    form = TableFormat(passwd=passwd, width=lambda: width, has_nodes=True)

    shown = lines_of(form, in_pod(exec_event(arguments="日本語" * 99)), exit_event())

    assert max(map(cell_len, shown)) <= max(width, 24)
    assert 3 == len(shown)


def test_resizing(passwd: Path) -> None:
    """The next row fits the new width, under a new heading."""
    widths = iter([80, 80, 60])
    form = TableFormat(passwd=passwd, width=lambda: next(widths))
    event = exec_event(arguments="x" * 300)

    assert [1, 0, 1] == [form.render(event).count("DETAILS") for _ in range(3)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (exit_event(status=3), "3 -l /tmp"),
        (exit_event(signal="SIGKILL"), "SIGKILL -l /tmp"),
    ],
)
def test_how_a_process_ended_comes_first(event: GetEventsResponse, expected: str) -> None:
    """So that it is there however long the arguments are."""
    shown = lines_of(TableFormat(), event)[1]

    assert ["exit", "4242"] == shown.split()[1:3]
    assert shown.endswith(f" /usr/bin/ls              {expected}")


def test_hooks_and_throttles() -> None:
    """Other events show what compact shows; what has no process has empty cells."""
    hook = GetEventsResponse()
    hook.process_kprobe.process.binary = "/b"
    hook.process_kprobe.function_name = "fd_install"
    hook.process_kprobe.args.add().int_arg = 3
    hook.process_kprobe.args.add().file_arg.path = "/etc/passwd"
    throttle = GetEventsResponse()
    throttle.process_throttle.cgroup = "s.scope"
    throttle.process_throttle.type = ThrottleType.THROTTLE_START

    shown = lines_of(TableFormat(), hook, throttle)

    assert ["-", "open", "?", "?", "-", "/b", "/etc/passwd"] == shown[1].split()
    assert ["-", "throttle", "-", "-", "-", "-", "START", "s.scope"] == shown[2].split()


def test_what_has_no_row() -> None:
    """The same errors as in the other formats."""
    nobody = GetEventsResponse()
    nobody.process_exec.SetInParent()
    for event in (
        nobody,
        GetEventsResponse(),
        GetEventsResponse.FromString(b"\xf2\x01\x02\x08\x01"),
    ):
        with pytest.raises(UnprintableEventError):
            TableFormat().render(event)


def test_colours_take_no_room(passwd: Path) -> None:
    """With the colours removed, the same table."""
    plain = TableFormat(passwd=passwd, width=lambda: 100)
    coloured = TableFormat(passwd=passwd, width=lambda: 100, colours=True)
    events = (exec_event(arguments=""), exit_event(), in_pod(exec_event(arguments="é" * 200)))

    shown = "\n".join(lines_of(coloured, *events))

    assert "\x1b[3" in shown
    bare = [line.rstrip() for line in re.sub(r"\x1b\[\d+m", "", shown).split("\n")]
    assert [line.rstrip() for line in lines_of(plain, *events)] == bare


@pytest.mark.parametrize("text", ["", "ab", "日本語テキスト", "e\u0301" * 9, "🚀" * 5, "aé日"])
def test_fitting(text: str) -> None:
    """Every width is met exactly; what fits is not touched."""
    for width in range(1, 20):
        made = fitted(text, width)

        assert width == cell_len(made)
        assert made.rstrip(" ") == text if cell_len(text) <= width else made.rstrip().endswith("…")
