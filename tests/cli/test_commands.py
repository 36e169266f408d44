# SPDX-License-Identifier: Apache-2.0
"""The other commands, the way errors are told, and what start-up does not import."""

from __future__ import annotations

import errno
import json
import os
import pty
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import any_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

from tetragon import sensors_pb2
from tetragon import tetragon_pb2 as pb
from tetragon_cli import address, client
from tetragon_cli.commands import COMMANDS
from tetragon_cli.settings import ClientSettings
from tetragon_core import __version__
from tetragon_core.errors import PermissionDeniedError, TetragonError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from google.protobuf.message import Message

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Start = Callable[..., subprocess.Popen[bytes]]

TIMESTAMP_TYPE = "type.googleapis.com/google.protobuf.Timestamp"
ONCE = ("--retries", "0")


def test_version_alone_needs_no_agent(run_client: Run) -> None:
    """One line, without a connection."""
    assert run_client("version").stdout == f"CLI version: {__version__}\n"


def test_version_of_the_server(agent: Any, run_client: Run) -> None:
    """-s adds what the agent says."""
    agent.replies["GetVersion"] = sensors_pb2.GetVersionResponse(version="v9")

    done = run_client("version", "-s", "--server-address", agent.address)

    assert done.stdout == f"CLI version: {__version__}\nServer version: v9\n"


def test_status_tells_health_first_and_marks_losses(agent: Any, run_client: Run) -> None:
    """Scripts find upstream's line first; a loss counter above zero is marked."""
    health = pb.HealthStatus(details="running")
    counters = [
        pb.Counter(name="events", value=3),
        pb.Counter(name="ring_lost_exec", value=2, labels={"cpu": "0"}),
        pb.Counter(name="ring_lost_exit", value=0),
    ]
    agent.replies["GetHealth"] = pb.GetHealthStatusResponse(
        health_status=[health], counters=counters
    )

    done = run_client("status", "--server-address", agent.address)

    expected = (
        'Health Status: running\nevents 3\nlost ring_lost_exec{cpu="0"} 2\nring_lost_exit 0\n'
    )
    assert (done.returncode, done.stdout) == (0, expected)


def test_info_is_one_json_line(agent: Any, run_client: Run) -> None:
    """Settings are shown bare; one of a type that is not known shows the type."""
    reply = sensors_pb2.GetInfoResponse(version="v9", name="tetragon")
    values: tuple[tuple[str, Message], ...] = (
        ("b", wrappers_pb2.BoolValue(value=True)),
        ("s", wrappers_pb2.StringValue(value="x")),
        ("l", struct_pb2.ListValue(values=[struct_pb2.Value(string_value="base")])),
        ("t", timestamp_pb2.Timestamp()),
    )
    for key, value in values:
        packed = any_pb2.Any()
        packed.Pack(value)
        reply.conf.add(key=key, value=packed)
    agent.replies["GetInfo"] = reply

    done = run_client("info", "--server-address", agent.address)

    info = json.loads(done.stdout)
    assert list(info) == ["Name", "Version", "Probes", "Conf", "Build"]
    assert info["Conf"] == {"b": True, "s": "x", "l": ["base"], "t": TIMESTAMP_TYPE}


def test_a_missing_method_says_what_to_do(agent: Any, run_client: Run) -> None:
    """UNIMPLEMENTED is one line."""
    done = run_client("info", "--server-address", agent.address)

    assert done.returncode == 1
    assert done.stderr == (
        f"Error: {agent.address} does not offer GetInfo: update the agent, or check the address\n"
    )


@pytest.mark.parametrize("command", ["status", "getevents"])
def test_nobody_at_the_socket(command: str, tmp_path: Path, run_client: Run) -> None:
    """A missing socket, and one whose agent died, each have their line."""
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    refused = run_client(command, *ONCE, "--server-address", f"unix://{path}")
    missing = run_client(command, *ONCE, "--server-address", f"unix://{path}2")

    hint = "Is it running? Start it with: sudo tetragon-mini agent\n"
    where = f"Error: cannot reach the agent at unix://{path}"
    assert (refused.returncode, missing.returncode) == (69, 69)
    assert refused.stderr == f"{where}: connection refused. {hint}"
    assert missing.stderr == f"{where}2: there is no such socket. {hint}"


@pytest.mark.parametrize("command", ["status", "getevents"])
def test_nobody_at_the_port(command: str, run_client: Run) -> None:
    """The same over TCP."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_client(command, *ONCE, "--server-address", where)

    assert done.returncode == 69
    assert done.stderr == (
        f"Error: cannot reach the agent at {where}: connection refused. "
        "Is it running? Start it with: sudo tetragon-mini agent\n"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["stauts"], 'unknown command "stauts" for "tetragon-mini"; did you mean "status"?'),
        (["zzz"], 'unknown command "zzz" for "tetragon-mini"; see tetragon-mini --help'),
        (["status", "--timeout", "soon"], '"soon" is no duration; write it like 30s, 5m or 1h30m'),
        (["getevents", "-o", "yaml"], "'yaml' is not one of 'compact', 'json', 'mini', 'table'."),
        (["hook"], "hook: wanted the name of one hook"),
    ],
)
def test_wrong_usage_is_one_line(words: list[str], expected: str, run_client: Run) -> None:
    """Exit code 2, one line on standard error, nothing on standard output."""
    done = run_client(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_silent_agent_is_given_up(agent: Any, run_client: Run) -> None:
    """--timeout limits a call, and the line names it."""
    agent.silent.add("GetHealth")

    done = run_client("status", "--timeout", "50ms", "--server-address", agent.address)

    assert done.returncode == 69
    assert done.stderr == (
        f"Error: no answer from the agent at {agent.address} within 0.05s; see --timeout\n"
    )


def test_permission_denied_names_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that this user may not use is told apart, and not tried again."""
    denied = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(client, "probe_socket", lambda _path: denied)
    monkeypatch.setattr(time, "sleep", lambda _s: pytest.fail("tried again"))

    with (
        client.AgentClient(ClientSettings(server_address="unix:///x")) as unreachable,
        pytest.raises(PermissionDeniedError, match="as root, with sudo"),
    ):
        unreachable.call("GetHealth", pb.GetHealthStatusRequest(), pb.GetHealthStatusResponse)


def test_without_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A root directory without /dev is a line that says what to do: gRPC itself would abort."""
    monkeypatch.setattr(client, "_RANDOM", "/dev/none")
    with pytest.raises(TetragonError, match="mknod -m 444 /dev/none c 1 9"):
        client.AgentClient(ClientSettings(server_address="unix:///x"))


def test_unreachable_agents_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--retries further tries, each after twice the pause of the one before."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    settings = ClientSettings(server_address=f"unix://{tmp_path}/none", retries=3)

    with client.AgentClient(settings) as unreachable, pytest.raises(client.UnavailableError):
        unreachable.call("GetHealth", pb.GetHealthStatusRequest(), pb.GetHealthStatusResponse)

    assert pauses == [1.0, 2.0, 4.0]


def test_status_draws_a_table_on_a_terminal(agent: Any, start_client: Start) -> None:
    """People see upstream's line, then the counters with their meaning."""
    counter = pb.Counter(name="ring_lost_exec", value=2, help="refused\x1b[2J")
    agent.replies["GetHealth"] = pb.GetHealthStatusResponse(
        health_status=[pb.HealthStatus(details="running")], counters=[counter]
    )
    reader, terminal = pty.openpty()

    process = start_client(
        "status", "--server-address", agent.address, stdout=terminal, more={"TERM": "xterm"}
    )

    assert process.wait(timeout=60) == 0
    os.close(terminal)
    text = os.read(reader, 4000).decode()
    os.close(reader)
    assert text.startswith("Health Status: running\r\n")
    assert "ring_lost_exec" in text
    assert "refused\\x1b[2J" in text


def test_help_lists_every_command(run_client: Run) -> None:
    """Without a command the help is shown, with all commands of the table but hidden ones."""
    done = run_client()

    assert done.returncode == 0
    listed = {row.name for row in COMMANDS if f"\n  {row.name} " in done.stdout}
    assert {row.name for row in COMMANDS if not row.hidden} == listed


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_has_help(row: Any, run_client: Run) -> None:
    """-h works everywhere, so every module of the table can be imported."""
    words = [row.name, "-h"]

    done = run_client(*words)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: tetragon-mini {row.name} ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(shell: str, run_client: Run) -> None:
    """Each shell gets a script that asks the program itself."""
    assert "_TETRAGON_MINI_COMPLETE" in run_client("completion", shell).stdout


@pytest.mark.parametrize("words", [["version"], ["hook", "poststop"]])
def test_quick_commands_import_nothing_heavy(words: list[str]) -> None:
    """click, gRPC, protobuf, rich and asyncio are not loaded for them."""
    code = (
        "import sys; from tetragon_cli.__main__ import main; main();"
        "sys.exit(bool({'click', 'grpc', 'google', 'rich', 'asyncio', 're'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *words],
        env=environment,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0


def test_address_comes_from_the_flag_first() -> None:
    """The flag wins; a missing port is filled in."""
    assert address.resolve("host") == "host:54321"
    assert address.resolve("unix:///x") == "unix:///x"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"server_address": ""}', '{"server_address": 5}', "{", "\xff"]
)
def test_a_broken_info_file_means_the_default(content: str, tmp_path: Path) -> None:
    """Nothing that a file can hold makes the client fail."""
    info = tmp_path / "info.json"
    info.write_bytes(content.encode("latin-1"))

    assert address.resolve("", info) == "localhost:54321"


def test_a_stale_info_file_is_passed_over(tmp_path: Path) -> None:
    """The socket it names counts only while somebody listens there."""
    info, path = tmp_path / "info.json", tmp_path / "a.sock"
    info.write_text(json.dumps({"server_address": f"unix://{path}", "pid": 1}))

    missing = address.resolve("", info)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        refused = address.resolve("", info)
        listener.listen()
        answered = address.resolve("", info)

    assert (missing, refused, answered) == ("localhost:54321", "localhost:54321", f"unix://{path}")
