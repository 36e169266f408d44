# SPDX-License-Identifier: Apache-2.0
"""Times that no calendar has, from a broken or hostile agent: they cost their own event only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tetragon.events_pb2 import GetEventsRequest, GetEventsResponse, HistoryState
from tetragon_cli.following import Clock, Follower
from tetragon_cli.history import STATE_KEY, Earlier

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    Run = Callable[..., subprocess.CompletedProcess[str]]

SECOND = 10**9
IMPOSSIBLE = [(2**62, 0), (-(2**62), 0), (253_402_300_800, 0), (1, -(2**31))]
OUT_OF_RANGE = "events are not printed (said once): a time in it is out of range\n"


class LastConnectionError(Exception):
    """Ends a test of what has no end."""


class QuickClock(Clock):
    """Does not wait."""

    def sleep(self, seconds: float) -> None:
        """Not at all."""


def exec_event(binary: str, seconds: int = 1, nanos: int = 0) -> GetEventsResponse:
    """A process that starts."""
    event = GetEventsResponse()
    event.process_exec.process.binary = binary
    event.time.seconds, event.time.nanos = seconds, nanos
    return event


@pytest.mark.parametrize(
    ("form", "words"), [("json", ()), ("table", ()), ("compact", ("--timestamps",))]
)
def test_other_events_are_printed(
    agent: Any, run_client: Run, form: str, words: tuple[str, ...]
) -> None:
    """What cannot be printed is said once."""
    agent.events = [exec_event("/bin/impossible", 2**62), exec_event("/bin/true")]

    done = run_client("getevents", "-o", form, "--server-address", agent.address, *words)

    assert "/bin/true" in done.stdout.splitlines()[-1]
    assert done.stderr == OUT_OF_RANGE + "the agent ended the stream\n"


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"\xff\xff\xff", id="no message"),
        pytest.param(
            HistoryState(complete_since={"seconds": 2**62}).SerializeToString(),
            id="no time",
        ),
    ],
)
def test_what_cannot_be_understood_of_a_history_is_none(
    agent: Any, run_client: Run, encoded: bytes
) -> None:
    """The agent is taken for one that keeps no history, and its events are printed."""
    agent.events = [GetEventsResponse(node_name="n")]
    agent.metadata = ((STATE_KEY, encoded),)

    done = run_client("getevents", "--server-address", agent.address, "--since", "1m")

    assert '{"node_name":"n"}\n' == done.stdout
    assert done.stderr.startswith("it keeps no history: only events from now on are printed\n")


@pytest.mark.parametrize(("seconds", "nanos"), IMPOSSIBLE)
def test_following_goes_on_by_the_last_possible_time(seconds: int, nanos: int) -> None:
    """The next agent is asked for what came since then."""
    asked: list[GetEventsRequest] = []
    told: list[str] = []

    def connect(request: Any, met: Any) -> Iterator[GetEventsResponse]:
        if len(asked) == 2:
            raise LastConnectionError
        asked.append(request)
        met(None)
        yield exec_event("/bin/true", 7)
        yield exec_event("/bin/true", seconds, nanos)

    follower = Follower(connect, GetEventsRequest(), Earlier(), told.append, QuickClock())
    with pytest.raises(LastConnectionError):
        list(follower.events())

    assert asked[1].history.since.ToNanoseconds() == 7 * SECOND + 1
