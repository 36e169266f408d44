# SPDX-License-Identifier: Apache-2.0
"""A whole agent lets a read-only identity watch, refuses its changes, and writes down who asked."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from server.fake_engine import policy_text
from server.running_agent import running_agent
from tetragon import events_pb2, sensors_pb2, tetragon_pb2

if TYPE_CHECKING:
    from pathlib import Path

ME = f"read_only=uid:{os.geteuid()}"
DEADLINE_S = 20


def audit_lines(path: Path) -> list[dict[str, Any]]:
    """The audit log's entries."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_read_only_identity_watches(tmp_path: Path) -> None:
    """Every rpc that changes nothing answers it."""
    with running_agent(tmp_path, ME) as agent:
        version = agent.stub.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)
        listed = agent.stub.ListTracingPolicies(
            sensors_pb2.ListTracingPoliciesRequest(), timeout=DEADLINE_S
        )
        stream = agent.stub.GetEvents(events_pb2.GetEventsRequest())
        stream.initial_metadata()
        agent.sensor_says("e")
        event = next(stream)

    assert version.version
    assert not listed.policies
    assert event.HasField("process_exec")


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("AddTracingPolicy", sensors_pb2.AddTracingPolicyRequest(yaml=policy_text("p"))),
        ("DeleteTracingPolicy", sensors_pb2.DeleteTracingPolicyRequest(name="p")),
        ("ConfigureTracingPolicy", sensors_pb2.ConfigureTracingPolicyRequest(name="p")),
        ("RuntimeHook", tetragon_pb2.RuntimeHookRequest()),
        ("SetDebug", sensors_pb2.SetDebugRequest()),
        ("RemoveSensor", sensors_pb2.RemoveSensorRequest(name="p")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_read_only_identity_changes_nothing(tmp_path: Path, rpc: str, request_: Any) -> None:
    """PERMISSION_DENIED says who it is and which options decide."""
    with running_agent(tmp_path, ME) as agent, pytest.raises(grpc.RpcError) as caught:
        getattr(agent.stub, rpc)(request_, timeout=DEADLINE_S)

    assert grpc.StatusCode.PERMISSION_DENIED is caught.value.code()
    assert f"uid {os.geteuid()}" in str(caught.value.details())
    assert "--full-access" in str(caught.value.details())


def test_audit_log_names_who_and_what(tmp_path: Path) -> None:
    """A change that was made and one that failed are a JSON line each, with the peer's ids."""
    log = tmp_path / "audit.log"
    with running_agent(tmp_path / "run", f"audit_log={log}") as agent:
        agent.stub.AddTracingPolicy(
            sensors_pb2.AddTracingPolicyRequest(yaml=policy_text("p")), timeout=DEADLINE_S
        )
        with pytest.raises(grpc.RpcError):
            agent.stub.DeleteTracingPolicy(
                sensors_pb2.DeleteTracingPolicyRequest(name="other"), timeout=DEADLINE_S
            )
        agent.stub.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)

    added, deleted = audit_lines(log)
    assert ("AddTracingPolicy", "done") == (added["action"], added["outcome"])
    assert os.geteuid() == added["who"]["uid"]
    assert os.getpid() == added["who"]["pid"]
    assert "name: p" in str(added["what"])
    assert "DeleteTracingPolicy" == deleted["action"]
    assert deleted["outcome"].startswith("refused: ")
    assert {"name": "other"} == deleted["what"]
    assert 0o600 == log.stat().st_mode & 0o777


def test_audit_log_has_what_was_refused(tmp_path: Path) -> None:
    """An attempt without the right to it is written down with what was wanted."""
    log = tmp_path / "audit.log"
    with (
        running_agent(tmp_path / "run", ME, f"audit_log={log}") as agent,
        pytest.raises(grpc.RpcError),
    ):
        agent.stub.DeleteTracingPolicy(
            sensors_pb2.DeleteTracingPolicyRequest(name="p"), timeout=DEADLINE_S
        )

    (entry,) = audit_lines(log)
    assert {"name": "p"} == entry["what"]
    assert entry["outcome"].startswith("refused: DeleteTracingPolicy: you may watch")


def test_audit_log_that_cannot_be_opened(tmp_path: Path) -> None:
    """The agent does not start without the log it was asked for."""
    with running_agent(tmp_path / "run", f"audit_log={tmp_path}", starts=False) as agent:
        told = agent.last_words()

    assert f"cannot open audit log {tmp_path}: Is a directory; " in told


def test_policy_files_are_audited(tmp_path: Path) -> None:
    """A policy that comes from a file is written down with the file's name."""
    log, policy = tmp_path / "audit.log", tmp_path / "p.yaml"
    policy.write_text(policy_text("p"))

    with running_agent(tmp_path / "run", f"audit_log={log}", f"tracing_policy={policy}"):
        pass

    (entry,) = audit_lines(log)
    assert ("a policy was loaded", "done") == (entry["action"], entry["outcome"])
    assert {"file": str(policy)} == entry["who"]
    assert {"name": "p", "namespace": "", "domain": "static"} == entry["what"]
