# SPDX-License-Identifier: Apache-2.0
"""--last and --since: what they ask of an agent or a file, and what is said when it has less."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import pytest

from tetragon.events_pb2 import Filter, GetEventsRequest, GetEventsResponse, History, HistoryState
from tetragon_cli.history import STATE_KEY, Earlier, Since, limit_text, time_text

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

SECOND = 10**9


def since(text: str) -> int:
    value: int = Since().convert(text, None, None)
    return value


def test_a_duration_counts_from_now() -> None:
    """In every form durations have elsewhere."""
    before = time.time_ns()
    asked = since("1h30m")

    assert before <= asked + 5400 * SECOND <= time.time_ns()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T14:30:00Z", 1_769_869_800 * SECOND),
        ("2026-01-31T14:30:00.5+02:00", 1_769_862_600 * SECOND + SECOND // 2),
    ],
)
def test_a_time_with_its_zone(text: str, expected: int) -> None:
    """As in events."""
    assert expected == since(text)


@pytest.mark.parametrize("text", ["14:30", "14:30:05", "2026-01-31", "2026-01-31 14:30"])
def test_a_time_without_a_zone_is_of_this_host(text: str) -> None:
    """A time of day is that of today."""
    today = datetime.now().astimezone().date()
    full = text if "-" in text else f"{today} {text}"

    moment = datetime.fromisoformat(full).astimezone()
    assert int(moment.timestamp()) * SECOND == since(text)


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "-5m", "5 m"])
def test_anything_else_is_refused(text: str) -> None:
    """With one line that says how to write it."""
    with pytest.raises(click.BadParameter, match="neither a duration nor a time; write it like"):
        since(text)


def state(started: int, complete: int) -> HistoryState:
    made = HistoryState(run="r", next=1)
    made.started.FromNanoseconds(started)
    made.complete_since.FromNanoseconds(complete)
    return made


@pytest.mark.parametrize(
    ("earlier", "known", "expected"),
    [
        (Earlier(), None, ""),
        (Earlier(last=5), None, "it keeps no history: only events from now on are printed"),
        (Earlier(since_ns=7), state(5, 7), ""),
        (Earlier(last=5), state(5, 7), ""),
        (Earlier(since_ns=6), state(5, 7), f"its history is complete since {time_text(7)} only"),
        (Earlier(since_ns=4), state(5, 5), f"it sees events since {time_text(5)} only"),
    ],
)
def test_what_history_does_not_have_is_said(
    earlier: Earlier, known: HistoryState | None, expected: str
) -> None:
    """Nothing is said where everything asked for is there."""
    assert expected == limit_text(earlier, known)


def test_an_agent_is_asked_for_history(agent: Any, run_client: Run) -> None:
    """The request has one more field; what the agent tells of its history is printed."""
    agent.events = [GetEventsResponse(number=7)]
    agent.metadata = ((STATE_KEY, state(2**61, 2**61).SerializeToString()),)

    done = run_client(
        *("getevents", "--server-address", agent.address, "--last", "3"),
        *("--since", "2026-01-31T14:30:00Z"),
    )

    wanted = History(last=3)
    wanted.since.FromNanoseconds(1_769_869_800 * SECOND)
    assert [GetEventsRequest(allow_list=[Filter()], history=wanted)] == agent.requests
    assert done.stderr.startswith(f"it sees events since {time_text(2**61)} only\n")
    assert "{}\n" == done.stdout


def test_an_agent_without_history_is_told(agent: Any, run_client: Run) -> None:
    """Tetragon's own skips the field; its events from now on are printed."""
    agent.events = [GetEventsResponse(node_name="n")]

    done = run_client("getevents", "--server-address", agent.address, "--last", "3")

    assert '{"node_name":"n"}\n' == done.stdout
    assert done.stderr.startswith("it keeps no history: only events from now on are printed\n")


def written(path: Path, *seconds: int) -> str:
    """A file with a test event at each of these seconds."""
    lines = (f'{{"test":{{}},"time":"2026-01-31T14:30:{one:02}Z"}}\n' for one in seconds)
    path.write_text("".join(lines))
    return str(path)


def test_files_have_a_history_too(tmp_path: Path, run_client: Run) -> None:
    """--since goes by the events' times, --last counts what is left."""
    path = written(tmp_path / "e.json", *range(10))

    done = run_client(
        *("getevents", "--input", path, "--since", "2026-01-31T14:30:03Z", "--last", "2")
    )

    times = [json.loads(line)["time"][-3:] for line in done.stdout.splitlines()]
    assert ["08Z", "09Z"] == times
