# SPDX-License-Identifier: Apache-2.0
"""An agent that cannot start says why in one line; one that is stopped meanwhile ends cleanly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.fake_engine import policy_text
from server.harness import DEADLINE_S, names_in, spawn

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_stop_signal_during_the_start(tmp_path: Path, number: str) -> None:
    """It waits until the agent can end cleanly: exit code 0, no file left."""
    with spawn(tmp_path, f"while_loading={number}") as agent:
        try:
            _, errors = agent.communicate(timeout=DEADLINE_S)
        finally:
            agent.kill()

    assert agent.returncode == 0
    assert "agent stopped" in errors.decode().splitlines()[-1]
    assert names_in(tmp_path) == []


def test_unusable_run_dir_is_one_line(tmp_path: Path) -> None:
    """A file where the directory should be: said in one line, with what to do."""
    run_dir = tmp_path / "file"
    run_dir.touch()

    with spawn(run_dir) as agent:
        _, errors = agent.communicate(timeout=DEADLINE_S)

    told = errors.decode().splitlines()[1:]
    assert agent.returncode == 2
    assert len(told) == 1
    assert [f"cannot write {run_dir}/tetragon.pid: File exists; choose another --run-dir"] == told


def test_wrong_procfs_is_one_line(tmp_path: Path) -> None:
    """A directory that is no proc file system is named."""
    with spawn(tmp_path, f"procfs={tmp_path}") as agent:
        _, errors = agent.communicate(timeout=DEADLINE_S)

    assert agent.returncode == 2
    assert errors.decode().splitlines()[1:] == [
        f"{tmp_path} is no proc file system (No such file or directory: mounts); see --procfs"
    ]


def test_a_policy_that_is_refused_keeps_the_agent_from_starting(tmp_path: Path) -> None:
    """Every problem is in the log with its place, and no file is left."""
    run_dir = tmp_path / "run"
    policy = tmp_path / "p.yaml"
    policy.write_text(policy_text("p", message="refuse"))

    with spawn(run_dir, f"tracing_policy={policy}") as agent:
        _, errors = agent.communicate(timeout=DEADLINE_S)

    *log, told = errors.decode().splitlines()
    problems = [line for line in log if "policy refused" in line]
    assert agent.returncode == 2
    assert [f"{policy}:7:13: spec.kprobes[0].call" in line for line in problems] == [True, True]
    assert told == f"--tracing-policy {policy}: refused; see the log above"
    assert names_in(run_dir) == []


def test_policies_are_loaded_before_the_agent_is_ready(tmp_path: Path) -> None:
    """Who reads the ready line can rely on the files of the command line."""
    policy = tmp_path / "p.yaml"
    policy.write_text(policy_text("p"))

    with spawn(tmp_path / "run", f"tracing_policy={policy}") as agent:
        assert agent.stderr is not None
        said: list[str] = []
        while "agent is ready" not in (said or [""])[-1]:
            said.append(agent.stderr.readline().decode())
            assert said[-1], said
        agent.terminate()
        agent.communicate(timeout=DEADLINE_S)

    assert f'msg="a policy was loaded" name=p file={policy}' in said[-2]
    assert agent.returncode == 0
