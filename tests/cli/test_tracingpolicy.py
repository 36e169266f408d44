# SPDX-License-Identifier: Apache-2.0
"""`tracingpolicy`: what is asked of the agent, and what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml

from tetragon import sensors_pb2 as pb
from tetragon_core.errors import UsageError
from tetragon_core.policy.mode_text import with_mode

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

POLICY = "kind: TracingPolicy\nspec: {kprobes: []}\n"


def test_add_several_files(agent: Any, run_client: Run, tmp_path: Path) -> None:
    """Each is sent as it is and named when it is added; - is standard input."""
    agent.replies["AddTracingPolicy"] = pb.AddTracingPolicyResponse()
    path = tmp_path / "a.yaml"
    path.write_text(POLICY)
    words = ("tp", "add", str(path), "-", "--domain", "mine", "--server-address", agent.address)

    done = run_client(*words, text="other: text\n")

    assert done.stdout == f'tracing policy "{path}" added\ntracing policy "-" added\n'
    sent = [pb.AddTracingPolicyRequest.FromString(one) for one in agent.asked["AddTracingPolicy"]]
    assert [(one.yaml, one.domain) for one in sent] == [
        (POLICY, "mine"),
        ("other: text\n", "mine"),
    ]


def test_what_the_agent_warns_of(agent: Any, run_client: Run, tmp_path: Path) -> None:
    """It is told with the file's name, and the policy is added."""
    agent.replies["AddTracingPolicy"] = pb.AddTracingPolicyResponse(warnings=["3:7: spec: odd"])
    path = tmp_path / "a.yaml"
    path.write_text(POLICY)

    done = run_client("tp", "add", str(path), "--server-address", agent.address)

    assert (done.returncode, done.stderr) == (0, f"Warning: {path}:3:7: spec: odd\n")


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ("3:1: spec: bad", "Error: failed to add tracing policy: {0}:3:1: spec: bad\n"),
        (
            "3:1: a\n4:1: b\nand 5 more",
            "Error: failed to add tracing policy:\n  {0}:3:1: a\n  {0}:4:1: b\n  and 5 more\n",
        ),
    ],
    ids=["one", "several"],
)
def test_a_refused_policy(
    agent: Any, run_client: Run, tmp_path: Path, details: str, expected: str
) -> None:
    """Every problem is told with the file's name; other files are added all the same."""
    agent.refusals["AddTracingPolicy"] = (grpc.StatusCode.UNKNOWN, details)
    path = tmp_path / "a.yaml"
    path.write_text(POLICY)

    done = run_client("tp", "add", str(path), "no-such", "--server-address", agent.address)

    assert done.returncode == 1
    missing = (
        "Error: failed to add tracing policy: cannot read no-such: No such file or directory\n"
    )
    assert done.stderr == expected.format(path) + missing


def test_delete(agent: Any, run_client: Run) -> None:
    """Name, namespace and domain are sent; several names are several requests."""
    agent.replies["DeleteTracingPolicy"] = pb.DeleteTracingPolicyResponse()
    words = ("tp", "delete", "a", "b", "-n", "web", "--domain", "static")

    done = run_client(*words, "--server-address", agent.address)

    assert done.stdout == 'tracing policy "a" deleted\ntracing policy "b" deleted\n'
    sent = map(pb.DeleteTracingPolicyRequest.FromString, agent.asked["DeleteTracingPolicy"])
    assert list(sent) == [
        pb.DeleteTracingPolicyRequest(name=name, namespace="web", domain="static") for name in "ab"
    ]


def test_delete_that_is_refused(agent: Any, run_client: Run) -> None:
    """The agent's words, and exit code 1."""
    details = "tracing policy grpc:a does not exist"
    agent.refusals["DeleteTracingPolicy"] = (grpc.StatusCode.UNKNOWN, details)

    done = run_client("tp", "delete", "a", "--server-address", agent.address)

    assert done.stderr == f"Error: failed to delete tracing policy: {details}\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("words", "fields", "said"),
    [
        (("enable", "a"), {"enable": True}, "enabled"),
        (("disable", "a"), {"enable": False}, "disabled"),
        (("set-mode", "a", "enforce"), {"mode": pb.TP_MODE_ENFORCE}, 'set to mode "enforce"'),
        (("set-mode", "a", "monitor"), {"mode": pb.TP_MODE_MONITOR}, 'set to mode "monitor"'),
    ],
    ids=["enable", "disable", "enforce", "monitor"],
)
def test_configure(
    agent: Any, run_client: Run, words: tuple[str, ...], fields: dict[str, Any], said: str
) -> None:
    """Only what is to change is sent."""
    agent.replies["ConfigureTracingPolicy"] = pb.ConfigureTracingPolicyResponse()

    done = run_client("tp", *words, "-n", "web", "--server-address", agent.address)

    assert done.stdout == f'tracing policy "a" {said}\n'
    (sent,) = agent.asked["ConfigureTracingPolicy"]
    expected = pb.ConfigureTracingPolicyRequest(name="a", namespace="web", **fields)
    assert pb.ConfigureTracingPolicyRequest.FromString(sent) == expected


def test_a_mode_that_does_not_exist(run_client: Run) -> None:
    """It is refused without a connection."""
    done = run_client("tp", "set-mode", "a", "loud")

    assert done.stderr == "Error: invalid mode: loud; write enforce or monitor\n"


def test_modify(run_client: Run, tmp_path: Path) -> None:
    """The policy with the mode in it, in place of the one it had."""
    path = tmp_path / "a.yaml"
    options = [{"name": "policy-mode", "value": "enforce"}, {"name": "other", "value": "1"}]
    path.write_text(yaml.safe_dump({"kind": "TracingPolicy", "spec": {"options": options}}))

    done = run_client("tp", "modify", str(path), "-m", "monitor")

    assert yaml.safe_load(done.stdout)["spec"]["options"] == [
        {"name": "other", "value": "1"},
        {"name": "policy-mode", "value": "monitor"},
    ]
    assert run_client("tp", "modify", str(path)).stdout == path.read_text()


@pytest.mark.parametrize("text", ["a: [", "[]", "a: 1", "spec: 1"])
def test_a_mode_for_what_is_no_policy(text: str) -> None:
    """It is refused in one line that says so."""
    with pytest.raises(UsageError, match="no "):
        with_mode(text, "monitor")


def test_explain_tells_every_problem(run_client: Run, tmp_path: Path) -> None:
    """A wrong policy is told about with all its places; no agent is asked."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: a}\n"
        "spec:\n  kprobs: []\n  other: 1\n"
    )

    done = run_client("tp", "explain", str(path))

    first, *rest = done.stderr.splitlines()
    assert first == f"Error: cannot explain {path}:"
    assert [line.strip().split(": ")[0] for line in rest] == [f"{path}:5:3", f"{path}:6:3"]
    assert done.returncode == 1


def test_help_names_the_commands(run_client: Run) -> None:
    """Under both names; what is no command is an error of usage."""
    for name in ("tp", "tracingpolicy"):
        assert "set-mode" in run_client(name, "--help").stdout
    assert run_client("tp", "nonsense").returncode == 2
