# SPDX-License-Identifier: Apache-2.0
"""`getevents` as a user runs it: sources, formats, losses, and every way to stop it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tetragon.events_pb2 import Filter, GetEventsRequest, GetEventsResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Start = Callable[..., subprocess.Popen[bytes]]

DEADLINE_S = 60
BACKGROUND_JOB_OF_A_SCRIPT = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""It begins with SIGINT ignored."""
ENDED = "the agent ended the stream\n"


def exec_event(number: int = 1) -> GetEventsResponse:
    event = GetEventsResponse(node_name="n")
    event.process_exec.process.binary = "/bin/true"
    event.process_exec.process.arguments = str(number)
    event.process_exec.process.pid.value = number
    return event


def lines(count: int) -> str:
    return "".join(f"🚀 process n /bin/true {number}\n" for number in range(count))


def test_events_of_the_agent_are_printed_in_order(agent: Any, run_client: Run) -> None:
    """Each event is one line; the request has one empty filter; an end without error is noted."""
    agent.events = [exec_event(number) for number in range(1000)]

    done = run_client("getevents", "-o", "compact", "--server-address", agent.address)

    assert (done.returncode, done.stdout) == (0, lines(1000))
    assert done.stderr == ENDED
    assert agent.requests == [GetEventsRequest(allow_list=[Filter()])]


def test_json_is_the_default_away_from_a_terminal(agent: Any, run_client: Run) -> None:
    """Scripts get JSON without asking for it; the address option may stand first."""
    agent.events = [exec_event()]

    done = run_client("--server-address", agent.address, "getevents")

    assert json.loads(done.stdout)["process_exec"]["process"]["pid"] == 1


def test_a_pipe_as_standard_input_is_read_instead_of_connecting(run_client: Run) -> None:
    """Lines in both spellings of names are events; others are skipped; unknown fields ignored."""
    text = (
        '{"process_exec":{"process":{"binary":"/a"}},"node_name":"n","brand_new":1}\n'
        "no json\n\n[1]\n"
        '{"processExec":{"process":{"binary":"/b","pid":"7"}},"nodeName":"n"}'
    )

    done = run_client("getevents", "-o", "compact", "--server-address", "unix:///none", text=text)

    expected = "🚀 process n /a \n🚀 process n /b \n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_skipped_lines_are_named_with_debug(run_client: Run) -> None:
    """-d tells which lines were no events."""
    done = run_client("getevents", "-d", text="no json\n")

    assert (done.returncode, done.stdout) == (0, "")
    assert "line 1 skipped" in done.stderr


def test_overlong_lines_are_skipped_whole(run_client: Run) -> None:
    """A line over the limit takes nothing of the next one with it."""
    text = f'{{"node_name":"{"x" * 200_000}","test":{{}}}}\n{{"test":{{}}}}\n'

    done = run_client("getevents", "-o", "compact", "--max-recv-size", "65536", text=text)

    assert done.stdout == "TEST EVENT\n"


@pytest.mark.parametrize("off", ["--stack-traces=false", "--no-stack-traces", "--stack-traces=0"])
def test_boolean_options_can_be_switched_off(off: str, run_client: Run) -> None:
    """All spellings of "no stack traces" work, and only remove the stack traces."""
    event = (
        '{"process_kprobe":{"process":{"binary":"/b"},"function_name":"f",'
        '"kernel_stack_trace":[{"symbol":"s"}]},"node_name":"n"}\n'
    )

    shown = run_client("getevents", "-o", "compact", text=event).stdout
    hidden = run_client("getevents", "-o", "compact", off, text=event).stdout

    assert shown == f"{hidden}Kernel:\n   0x0: s+0x0\n"
    assert hidden == "❓ syscall n /b f\n"


@pytest.mark.parametrize(
    ("early", "queued", "told"),
    [
        (2, 0, "2 events in the agent's kernel buffer"),
        (1, 3, "1 event in the agent's kernel buffer, 3 events because this client reads "),
        (0, 1, "1 event because this client reads too slowly"),
    ],
)
def test_losses_are_told(agent: Any, run_client: Run, early: int, queued: int, told: str) -> None:
    """A loss in the stream is a line on standard error; standard output has the event alone."""
    event = exec_event()
    event.lost.before_agent = early
    event.lost.in_queue = queued
    agent.events = [event]

    done = run_client("getevents", "-o", "compact", "--server-address", agent.address)

    assert done.stdout == "🚀 process n /bin/true 1\n"
    assert done.stderr.startswith(f"lost before this event: {told}")
    assert done.stderr.count("\n") == 2
    assert done.stderr.endswith(f"\n{ENDED}")


def test_unknown_kinds_are_noted_and_the_stream_goes_on(agent: Any, run_client: Run) -> None:
    """Events of a newer agent's kind are one note in compact, and envelopes in JSON."""
    newer = GetEventsResponse.FromString(b"\xf2\x01\x02\x08\x01" + b"\xc2\x3e\x01n")
    agent.events = [newer, newer, exec_event()]

    compact = run_client("getevents", "-o", "compact", "--server-address", agent.address)
    as_json = run_client("getevents", "-o", "json", "--server-address", agent.address)

    assert compact.stdout == "🚀 process n /bin/true 1\n"
    assert compact.stderr == (
        "events are not printed (said once): unknown event type: UNDEF (field 30; this client is"
        f" older than the agent)\n{ENDED}"
    )
    assert as_json.stdout.splitlines()[0] == '{"node_name":"n"}'


@pytest.mark.parametrize(
    ("number", "through"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGINT, BACKGROUND_JOB_OF_A_SCRIPT)],
)
def test_signals_end_a_stream_quietly(
    number: int, through: tuple[str, ...], agent: Any, start_client: Start
) -> None:
    """After a signal, also an ignored one, the client ends with 0 and says nothing."""
    agent.events = [exec_event(0)]
    agent.holds_streams = True
    address = ("--server-address", agent.address)
    client = start_client("getevents", "-o", "compact", *address, through=through)
    assert client.stdout is not None
    first = client.stdout.readline().decode()

    client.send_signal(number)
    out, err = client.communicate(timeout=DEADLINE_S)

    assert (client.returncode, first + out.decode(), err) == (0, lines(1), b"")


def test_a_signal_ends_reading_a_pipe_quietly(start_client: Start) -> None:
    """Ctrl-C works while standard input has nothing to read."""
    client = start_client("getevents", "-o", "compact", stdin=subprocess.PIPE)
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(b'{"test":{}}\n')
    client.stdin.flush()
    assert client.stdout.readline() == b"TEST EVENT\n"

    client.send_signal(signal.SIGINT)

    assert client.wait(timeout=DEADLINE_S) == 0
    assert client.stderr is not None
    assert client.stderr.read() == b""


def test_a_reader_that_leaves_ends_an_idle_stream(agent: Any, start_client: Start) -> None:
    """As in `| head -1`: the client ends without waiting for one more event to fail on."""
    agent.events = [exec_event(0)]
    agent.holds_streams = True
    client = start_client("getevents", "-o", "compact", "--server-address", agent.address)
    assert client.stdout is not None
    assert client.stdout.readline().decode() == lines(1)

    client.stdout.close()

    assert client.wait(timeout=DEADLINE_S) == 0
    assert client.stderr is not None
    assert client.stderr.read() == b""


def test_a_reader_that_leaves_ends_a_busy_stream(agent: Any, start_client: Start) -> None:
    """The same while events keep coming faster than the pipe takes them."""
    agent.events = [exec_event(number) for number in range(20_000)]
    client = start_client("getevents", "-o", "compact", "--server-address", agent.address)
    assert client.stdout is not None
    assert client.stdout.readline() == b"\xf0\x9f\x9a\x80 process n /bin/true 0\n"

    client.stdout.close()

    assert client.wait(timeout=DEADLINE_S) == 0
    assert client.stderr is not None
    assert client.stderr.read() == b""


def test_closed_standard_input_means_connecting(agent: Any, start_client: Start) -> None:
    """A service manager may start the client without any standard input."""
    agent.events = [exec_event(0)]

    client = start_client(
        "getevents",
        "-o",
        "compact",
        "--server-address",
        agent.address,
        through=["sh", "-c", 'exec "$0" "$@" <&-'],
    )

    assert client.communicate(timeout=DEADLINE_S)[0].decode() == lines(1)


def test_reconnect_says_so_and_tries_again(tmp_path: Path, start_client: Start) -> None:
    """With --reconnect an agent that is not there is waited for, with a line for each try."""
    address = f"unix://{tmp_path}/none.sock"
    client = start_client(
        "getevents",
        "--retries=0",
        "--reconnect",
        "--reconnect-wait=1ms",
        f"--server-address={address}",
    )
    assert client.stderr is not None
    tries = [client.stderr.readline().decode() for _ in range(3)]

    client.send_signal(signal.SIGTERM)

    assert client.wait(timeout=DEADLINE_S) == 0
    assert len(set(tries)) == 1
    assert tries[0].startswith(f"getevents: err:cannot reach the agent at {address}: ")
    assert tries[0].endswith("retrying in 0.001s\n")


@pytest.mark.parametrize("failure", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_an_agent_that_goes_away_is_told(
    failure: grpc.StatusCode, agent: Any, run_client: Run
) -> None:
    """The events before are printed, then one line says what happened; the exit code is not 0."""
    agent.events = [exec_event(0)]
    agent.failure = failure

    done = run_client("getevents", "-o", "compact", "--server-address", agent.address)

    assert (done.returncode, done.stdout) == (69, lines(1))
    assert done.stderr == (
        f"Error: the agent at {agent.address} went away. "
        "Is it running? Start it with: sudo tetragon-mini agent\n"
    )


def test_a_terminal_gets_coloured_compact_lines(agent: Any, start_client: Start) -> None:
    """Without options, a terminal shows compact lines in colours; NO_COLOR turns them off."""
    agent.events = [exec_event(0)]
    texts = []
    for environment in ({"TERM": "xterm", "NO_COLOR": ""}, {"TERM": "xterm", "NO_COLOR": "1"}):
        reader, terminal = pty.openpty()
        client = start_client(
            "getevents", "--server-address", agent.address, stdout=terminal, more=environment
        )
        assert client.wait(timeout=DEADLINE_S) == 0
        os.close(terminal)
        texts.append(os.read(reader, 1000).decode())
        os.close(reader)

    assert texts[0].startswith("\x1b[34m🚀 process\x1b[0m \x1b[32mn\x1b[0m ")
    assert texts[1] == lines(1).replace("\n", "\r\n")


def test_a_full_disk_is_an_error(agent: Any, start_client: Start) -> None:
    """Output that cannot be written is never lost silently, even if the stream stays open."""
    agent.events = [exec_event(0)]
    agent.holds_streams = True
    with Path("/dev/full").open("wb") as full:
        client = start_client("getevents", "--server-address", agent.address, stdout=full)

    _out, err = client.communicate(timeout=DEADLINE_S)

    assert client.returncode == 1
    assert err == b"Error: cannot write to standard output: No space left on device\n"
