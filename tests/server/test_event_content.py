# SPDX-License-Identifier: Apache-2.0
"""What options add to events: the environment of an exec, and throttling."""

from __future__ import annotations

import pytest

from server.builders import exec_event
from server.test_encode import decoded
from tetragon import events_pb2
from tetragon_core.environment import Environment
from tetragon_core.events import Throttle
from tetragon_core.process import Image

IMAGE = Image(binary="/bin/x", arguments="", cwd="")


def test_environment_of_an_exec() -> None:
    """Name and value of each variable, empty ones too; the parent shows none."""
    memory = "A=1\0E=\0Ü=ü\0".encode()
    event = exec_event()

    message = decoded(event._replace(environment=Environment(memory, IMAGE))).process_exec

    found = [(one.Key, one.Value) for one in message.process.environment_variables]
    assert [("A", "1"), ("E", ""), ("Ü", "ü")] == found
    assert not message.parent.environment_variables


def test_no_environment_unless_asked_for() -> None:
    """The field is not there."""
    assert not decoded(exec_event()).process_exec.process.environment_variables


@pytest.mark.parametrize(
    ("is_start", "kind"),
    [(True, events_pb2.THROTTLE_START), (False, events_pb2.THROTTLE_STOP)],
)
def test_throttle(*, is_start: bool, kind: int) -> None:
    """Type, cgroup without padding, time and node; no process."""
    event = Throttle("busy.scope", 5_000_000_001, is_start=is_start)

    message = decoded(event)

    assert message.WhichOneof("event") == "process_throttle"
    assert (kind, "busy.scope") == (message.process_throttle.type, message.process_throttle.cgroup)
    assert (5, 1, "n1") == (message.time.seconds, message.time.nanos, message.node_name)
