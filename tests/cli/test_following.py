# SPDX-License-Identifier: Apache-2.0
"""`--follow`: what is asked of an agent that is there again, and what the user is told."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tetragon.events_pb2 import Filter, GetEventsRequest, GetEventsResponse, History, HistoryState
from tetragon_cli.client import RefusedError, UnavailableError
from tetragon_cli.following import Clock, Follower
from tetragon_cli.history import Earlier
from tetragon_core.errors import TetragonError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN_NS = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z
REQUEST = GetEventsRequest(allow_list=[Filter(binary_regex=["x"])])
GONE = "the agent at a went away; waiting for it"


class SecondsClock(Clock):
    """Each look and each pause takes a second."""

    def __init__(self) -> None:
        self.now = BEGIN_NS
        self.pauses: list[float] = []

    def now_ns(self) -> int:
        """One second later."""
        self.now += 10**9
        return self.now

    def sleep(self, seconds: float) -> None:
        """Take the time to remember it."""
        self.pauses.append(seconds)


class Agents:
    """One script for each connection: what the agent says of its history, and its events."""

    def __init__(self, *scripts: tuple[HistoryState | None, Sequence[int]] | None) -> None:
        """None: nobody answers. An event is its number; 0 is one without."""
        self._scripts = iter(scripts)
        self.asked: list[GetEventsRequest] = []

    def __call__(self, request: GetEventsRequest, met: Any) -> Iterator[GetEventsResponse]:
        """Breaks after the last event."""
        self.asked.append(request)
        script = next(self._scripts)
        if script is None:
            raise UnavailableError("cannot reach the agent at a: refused", "Hint")
        state, numbers = script
        met(state)
        for number in numbers:
            event = GetEventsResponse(number=number)
            event.time.FromNanoseconds(BEGIN_NS + number)
            yield event
        raise UnavailableError("the agent at a went away", "Hint")


def state(run: str, **fields: Any) -> HistoryState:
    made = HistoryState(run=run, **fields)
    made.started.FromNanoseconds(BEGIN_NS + 7_123_000_000)
    made.complete_since.FromNanoseconds(BEGIN_NS + 7_123_000_000)
    return made


def followed(
    agents: Agents, earlier: Earlier | None = None
) -> tuple[list[int], list[str], list[float]]:
    """Numbers of the events, what was told, and the pauses, until the scripts end."""
    told: list[str] = []
    clock = SecondsClock()
    follower = Follower(agents, REQUEST, earlier or Earlier(), told.append, clock)
    numbers: list[int] = []
    with pytest.raises(RuntimeError):  # what a generator makes of the end of the scripts
        numbers.extend(event.number for event in follower.events())
    return numbers, told, clock.pauses


def histories(agents: Agents) -> list[History]:
    """What was asked for at each connection; the rest of the request never changes."""
    rest = GetEventsRequest()
    for one in agents.asked:
        rest.CopyFrom(one)
        rest.ClearField("history")
        assert rest == REQUEST
        assert one.HasField("history")
    return [one.history for one in agents.asked]


def later(number: int, **fields: Any) -> History:
    """After the event with this number, by time in another run."""
    wanted = History(**fields)
    wanted.since.FromNanoseconds(BEGIN_NS + number + 1)
    return wanted


def test_the_same_agent_goes_on_after_the_last_event() -> None:
    """It is asked by number; nothing is missing."""
    agents = Agents((state("r", next=4), [4, 5]), (state("r", next=9), [6, 7, 8]))

    numbers, told, _ = followed(agents)

    assert [4, 5, 6, 7, 8] == numbers
    assert [History(), later(5, run="r", after=5), later(8, run="r", after=8)] == histories(agents)
    assert [GONE, "the agent is back after 1.0s: nothing is missing", GONE] == told


def test_an_agent_without_an_event_goes_on_where_it_was_met() -> None:
    """A silent connection has a place in the history, too: its beginning."""
    agents = Agents((state("r", next=4), []), (state("r", next=4), [4]))

    followed(agents)

    wanted = History(run="r", after=3)
    wanted.since.FromNanoseconds(BEGIN_NS + 10**9)
    assert [History(), wanted] == histories(agents)[:2]


def test_another_agent_means_a_gap() -> None:
    """The user learns from when to when; a run is asked by time until it has sent an event."""
    agents = Agents(
        (state("r", next=1), [1]), (state("s", next=1), []), (state("s", next=1), [1]), None
    )

    numbers, told, _ = followed(agents)

    gap = "events between 2023-11-14T22:13:22.000Z and 2023-11-14T22:13:27.123Z are missing"
    assert [1, 1] == numbers
    assert [GONE, f"another agent is there after 1.0s: {gap}"] == told[:2]
    again = later(1, run="r", after=1)
    assert [History(), again, again, later(1, run="s", after=1)] == histories(agents)[:4]


def test_a_gap_of_a_silent_agent_begins_with_the_last_event() -> None:
    """When it has not answered for a while, nobody knows since when."""

    def connect(_: GetEventsRequest, met: Any) -> Iterator[GetEventsResponse]:
        met(None)
        yield GetEventsResponse(time={"seconds": BEGIN_NS // 10**9 - 60})
        raise UnavailableError("no answer", was_silent=True)

    told: list[str] = []
    follower = Follower(connect, REQUEST, Earlier(), told.append, SecondsClock())
    list(itertools.islice(follower.events(), 2))

    gap = "events between 2023-11-14T22:12:20.000Z and 2023-11-14T22:13:24.000Z are missing"
    assert f"the agent is back after 1.0s and keeps no history: {gap}" == told[1]


@pytest.mark.parametrize(
    ("error", "is_final"),
    [(TetragonError("bad handshake"), False), (RefusedError("GetEvents", "no"), True)],
)
def test_failures_of_an_agent_that_was_met(error: TetragonError, *, is_final: bool) -> None:
    """In a restart connecting may fail in any way; only an agent that says no ends it."""
    script: Iterator[TetragonError | None] = iter([None, error, None])

    def connect(_: GetEventsRequest, met: Any) -> Iterator[GetEventsResponse]:
        if (failure := next(script)) is not None:
            raise failure
        met(None)
        yield GetEventsResponse()

    events = Follower(connect, REQUEST, Earlier(), print, SecondsClock()).events()
    next(events)
    if is_final:
        with pytest.raises(RefusedError):
            next(events)
    else:
        assert GetEventsResponse() == next(events)


@pytest.mark.parametrize("error", [TetragonError("bad handshake"), UsageError("no address")])
def test_failures_before_are_final(error: TetragonError) -> None:
    """What was wrong from the beginning is a mistake to tell, not to wait for."""

    def connect(_request: GetEventsRequest, _met: Any) -> Iterator[GetEventsResponse]:
        raise error

    with pytest.raises(type(error)):
        next(Follower(connect, REQUEST, Earlier(), print, SecondsClock()).events())


def test_what_history_has_forgotten_is_told() -> None:
    """The same agent after too long a time."""
    agents = Agents((state("r", next=1), [1]), (state("r", next=900, forgotten=12), [14]))

    told = followed(agents)[1]

    missing = "up to 12 events since 2023-11-14T22:13:22.000Z are not in its history any more"
    assert f"the agent is back after 1.0s: {missing}" == told[1]


def test_agents_without_history() -> None:
    """Upstream's: what happened while nobody was connected is missing."""
    agents = Agents((None, [0, 0]), (None, [0]))

    numbers, told, _ = followed(agents)

    gap = "events between 2023-11-14T22:13:22.000Z and 2023-11-14T22:13:24.000Z are missing"
    assert [0, 0, 0] == numbers
    assert [GONE, f"the agent is back after 1.0s and keeps no history: {gap}", GONE] == told


def test_waiting_is_told_once_and_gets_rarer() -> None:
    """However many tries it takes; after a success pauses are short again."""
    agents = Agents(*(None,) * 7, (state("r", next=1), []), None)

    _, told, pauses = followed(agents)

    waiting = "cannot reach the agent at a: refused; waiting for it"
    assert [waiting, "the agent is there", GONE] == told
    assert [0.25, 0.5, 1, 2, 4, 5, 5, 0.25, 0.5] == pauses


def test_earlier_events_are_asked_for_until_one_came() -> None:
    """--last and --since hold for the first connection that works, and are not repeated then."""
    earlier = Earlier(last=3, since_ns=BEGIN_NS)
    agents = Agents(None, (state("r", next=5), []), (state("r", next=5), [4]), None)

    _, told, _ = followed(agents, earlier)

    asked = earlier.history()
    assert [asked, asked, asked, later(4, run="r", after=4)] == histories(agents)[:4]
    assert "it sees events since 2023-11-14T22:13:27.123Z only" in told


@pytest.mark.parametrize("runs", [1, 3])
def test_an_agent_that_ends_its_streams_is_followed_too(runs: int) -> None:
    """An orderly end is no end of following."""
    scripts = itertools.count(1)

    def connect(_: GetEventsRequest, met: Any) -> Iterator[GetEventsResponse]:
        if (number := next(scripts)) > runs:
            raise KeyError
        met(None)
        yield GetEventsResponse(number=0, node_name=str(number))

    told: list[str] = []
    follower = Follower(connect, REQUEST, Earlier(), told.append, SecondsClock())
    with pytest.raises(KeyError):
        list(follower.events())

    assert runs == told.count("the agent ended the stream; waiting for it")
