# SPDX-License-Identifier: Apache-2.0
"""The hook as runtimes start it: what it tells, what it logs, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from hook.agents import DEADLINE_S, grpcio_agent, never_answering, sending
from hook.hooked import SPEC, STATE

if TYPE_CHECKING:
    from pathlib import Path

    from hook.hooked import Hooked

MISSING = "--grpc-address=unix:///nowhere/a.sock"
SHORT = "--grpc-timeout=300ms"


def test_a_container_is_told(hooked: Hooked, tmp_path: Path) -> None:
    """The agent gets it before the hook ends; the log has upstream's keys."""
    with grpcio_agent(tmp_path) as agent:
        done = hooked.run("createRuntime", f"--grpc-address={agent.address}")

    assert (0, "") == done
    (request,) = agent.requests
    container = request.createContainer
    assert ("/kubepods/0abc", "0abc", f"{hooked.bundle}/rootfs", "n") == (
        container.cgroupsPath,
        container.containerID,
        container.rootDir,
        container.podNamespace,
    )
    (line,) = hooked.lines()
    assert ("INFO", "hook request to agent succeeded") == (line["level"], line["msg"])
    assert {
        *("time", "level", "msg", "hook", "start-time", "req-cgroups", "req-rootdir"),
        *("req-containerName", "req-containerID", "req-containerImage"),
        *("req-podName", "req-podUID", "req-podNamespace"),
    } == set(line)


def test_the_agent_s_refusal_stops_the_container(hooked: Hooked, tmp_path: Path) -> None:
    """Its message is on standard error, on one line, and in the log."""
    with grpcio_agent(tmp_path) as agent:
        agent.error = "no such\ncgroup"
        code, errors = hooked.run("createRuntime", f"--grpc-address={agent.address}")

    assert (1, 1) == (code, errors.count("\n"))
    assert errors.startswith("failing container: the agent answered FAILED_PRECONDITION: no such")
    assert "no such cgroup" in hooked.lines()[-1]["error"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 1),
        (("--fail-allow-namespaces=n",), 0),
        (("--fail-allow-namespaces-regex=^n$",), 0),
        (("--fail-cel-expr=false",), 0),
        (("--fail-cel-expr=true",), 1),
        (("--disable-grpc",), 0),
    ],
)
def test_without_an_agent(hooked: Hooked, words: tuple[str, ...], code: int) -> None:
    """The rules decide; the reason is in the log either way."""
    found, errors = hooked.run("createRuntime", MISSING, *words)

    assert (code, bool(code)) == (found, "failing container: cannot connect" in errors)
    assert "nowhere" in str(hooked.lines()) or "--disable-grpc" in words


def test_an_agent_that_hangs(hooked: Hooked, tmp_path: Path) -> None:
    """The deadline ends it, whatever the agent does with the connection."""
    with sending(tmp_path, never_answering) as address:
        code, errors = hooked.run("createRuntime", f"--grpc-address={address}", SHORT)

    assert code == 1
    assert "did not answer in time" in errors


def test_a_runtime_that_leaves_standard_input_open(hooked: Hooked) -> None:
    """The deadline counts from the start."""
    with hooked.start("createRuntime", MISSING, SHORT) as process:
        process.wait(DEADLINE_S)
        assert process.stderr is not None
        errors = process.stderr.read()

    assert process.returncode == 1
    assert "the hook did not end in time" in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_failures(hooked: Hooked, number: int) -> None:
    """The rules decide then too."""
    hooked.write_spec({"annotations": {}})
    os.mkfifo(hooked.log.with_name("told"))
    words = ("createRuntime", MISSING, "--fail-cel-expr=false", "--log-level=debug")
    with hooked.start(*words) as process:
        wait_until_it_reads(process)
        process.send_signal(number)
        process.wait(DEADLINE_S)

    assert process.returncode == 0
    assert f"the hook got signal {int(number)}" == hooked.lines()[-1]["err"]


def wait_until_it_reads(process: subprocess.Popen[str]) -> None:
    """It waits for its state: then it is in read(2) of descriptor 0."""
    while True:
        with open(f"/proc/{process.pid}/syscall", encoding="ascii") as file:  # noqa: PTH123  # short
            if file.read().startswith("0 0x0 "):
                return


@pytest.mark.parametrize("state", ["", "garbage", "[]", "\0" * 100])
def test_without_a_state(hooked: Hooked, tmp_path: Path, state: str) -> None:
    """The working directory does; the log tells what was wrong."""
    with grpcio_agent(tmp_path) as agent:
        code, _ = hooked.run("createRuntime", f"--grpc-address={agent.address}", state=state)

    assert (0, 1) == (code, len(agent.requests))
    assert "no state from the runtime" == hooked.lines()[0]["msg"]


def test_without_a_specification(hooked: Hooked) -> None:
    """The container fails unless the state's annotations allow it."""
    (hooked.bundle / "config.json").unlink()
    allowed: dict[str, Any] = {"annotations": {"io.kubernetes.pod.namespace": "kube-system"}}

    assert 1 == hooked.run("createRuntime")[0]
    assert 0 == hooked.run("createRuntime", state=STATE | allowed)[0]
    assert "failed to find spec file" in hooked.lines()[0]["error"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("createContainer",), 0, ["nothing to do"]),
        (("somethingElse",), 0, ["hook called with unknown hook"]),
        (("createContainer", "--log-level=loud"), 0, ["was not able", "nothing to do"]),
        (("createContainer", "--log-level=warn"), 0, []),
        (("poststop",), 0, []),
        (("server-version", MISSING), 1, ["failed to get server version"]),
    ],
)
def test_other_hooks(hooked: Hooked, words: tuple[str, ...], code: int, said: list[str]) -> None:
    """Only createRuntime and server-version call the agent."""
    assert code == hooked.run(*words)[0]
    found = [line["msg"] for line in hooked.lines()] if hooked.log.exists() else []
    assert [True] * len(said) == [a.startswith(b) for a, b in zip(found, said, strict=True)]


def test_server_version(hooked: Hooked, tmp_path: Path) -> None:
    """It is in the log."""
    with grpcio_agent(tmp_path) as agent:
        assert (0, "") == hooked.run("server-version", f"--grpc-address={agent.address}")

    assert "v1.2.3" == hooked.lines()[0]["version"]


def test_settings_beside_the_program(hooked: Hooked) -> None:
    """They count; a broken file is a wrong use of the hook."""
    settings = hooked.programs / "tetragon-oci-hook.json"
    settings.write_text('{"fail_cel_expr": "false", "grpc_address": "unix:///nowhere"}')
    assert 0 == hooked.run("createRuntime")[0]
    settings.write_text("{")
    code, errors = hooked.run("createRuntime")

    assert (2, True) == (code, errors.startswith(f"Error: {settings}: no JSON"))


def test_closed_streams(hooked: Hooked, tmp_path: Path) -> None:
    """None of the agent's bytes goes to a closed stream's number, and failures keep their code."""
    with grpcio_agent(tmp_path) as agent:
        for address, expected in ((agent.address, 0), ("unix:///nowhere", 1)):
            command = hooked.command("createRuntime", f"--grpc-address={address}")
            script = 'exec "$@" <&- >&- 2>&-'
            done = subprocess.run(
                ["/bin/sh", "-c", script, "sh", *command], cwd=hooked.bundle, check=False
            )
            assert expected == done.returncode


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "missing", "full"])
def test_a_log_that_cannot_be_written(hooked: Hooked, tmp_path: Path, kind: str) -> None:
    """The container starts; standard error tells."""
    path = hooked.programs / "other.log"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/null")
    elif kind == "missing":
        path = hooked.programs / "no/such.log"
    else:
        path.symlink_to("/dev/full")
    with grpcio_agent(tmp_path) as agent:
        code, errors = hooked.run(
            "createRuntime", f"--grpc-address={agent.address}", f"--log-fname={path}"
        )

    assert 0 == code
    assert errors.startswith(f"cannot write the log {path}: ")


def test_hostile_annotations(hooked: Hooked, tmp_path: Path) -> None:
    """Megabytes, control characters and halves of characters arrive; the log stays lines."""
    annotations = {"a": "x" * 2_000_000, "b\n\x1b[31m": "\ud800\n", "io.kubernetes.pod.name": "\n{"}
    hooked.write_spec(SPEC | {"annotations": annotations})
    with grpcio_agent(tmp_path) as agent:
        code, _ = hooked.run(
            "createRuntime", f"--grpc-address={agent.address}", "--log-level=debug"
        )

    assert 0 == code
    assert 2_000_000 == len(agent.requests[0].createContainer.annotations["a"])
    assert "\n{" == hooked.lines()[-1]["req-podName"]
    assert max(map(len, hooked.log.read_text().splitlines())) < 65_536


def test_it_imports_nothing_that_costs(hooked: Hooked) -> None:
    """Only what starts with Python, and C parts."""
    code = hooked.command("createRuntime", MISSING, "--fail-cel-expr=false")
    code[3] = code[3].replace("sys.exit(main(", "main(").removesuffix(")")
    code[3] += "; print(*sys.modules)"
    done = subprocess.run(
        code, cwd=hooked.bundle, input="{}", capture_output=True, text=True, check=True
    )

    heavy = {"typing", "re", "enum", "json", "socket", "signal", "logging", "dataclasses"}
    heavy |= {"collections", "functools", "argparse", "pathlib", "subprocess", "threading"}
    assert set() == heavy & set(done.stdout.split())
