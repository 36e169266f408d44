# SPDX-License-Identifier: Apache-2.0
"""`eventlog`: what it asks an agent, and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tetragon import eventlogservice_pb2 as pb

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (
            pb.GetEventLogParamsResponse(max_size=10, rotation_interval="0s", max_backups=5),
            'max_size:10 rotation_interval:"0s" max_backups:5',
        ),
        (pb.GetEventLogParamsResponse(rotation_interval="1h0m0s"), 'rotation_interval:"1h0m0s"'),
    ],
    ids=["all", "zeros"],
)
def test_get_prints_the_limits(
    agent: Any, run_client: Run, reply: pb.GetEventLogParamsResponse, shown: str
) -> None:
    """One line, in the form of Tetragon's client: what is zero is left out."""
    agent.replies = {"GetEventLogParams": reply}

    done = run_client("eventlog", "get", "--server-address", agent.address)

    assert (done.stdout, done.returncode) == (f"Current logging parameters: {shown}\n", 0)


@pytest.mark.parametrize(
    ("words", "request_sent"),
    [
        ([], pb.SetEventLogParamsRequest()),
        (["--max-size", "0"], pb.SetEventLogParamsRequest(max_size=0)),
        (
            ["--max-backups", "3", "--rotation-interval", "90m"],
            pb.SetEventLogParamsRequest(max_backups=3, rotation_interval="1h30m0s"),
        ),
    ],
    ids=["nothing", "zero", "two"],
)
def test_set_sends_only_what_is_given(
    agent: Any, run_client: Run, words: list[str], request_sent: pb.SetEventLogParamsRequest
) -> None:
    """Zero is a value; a duration goes out as Go writes it, and nothing is printed."""
    agent.replies = {"SetEventLogParams": pb.SetEventLogParamsResponse()}

    done = run_client("eventlog", "set", *words, "--server-address", agent.address)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    (asked,) = agent.asked["SetEventLogParams"]
    assert pb.SetEventLogParamsRequest.FromString(asked) == request_sent


def test_an_interval_that_is_none_is_refused(run_client: Run) -> None:
    """Before anything is sent."""
    done = run_client("eventlog", "set", "--rotation-interval", "soon")

    assert done.returncode == 2
    assert '"soon" is no duration' in done.stderr
