# SPDX-License-Identifier: Apache-2.0
"""The export as a whole, in an event loop: from the settings and the bus to the file."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from server.exporting import FakeSink, exec_of, exit_of
from tetragon import events_pb2 as pb
from tetragon_core.errors import UsageError
from tetragon_core.stats import Counter
from tetragon_server.bus import Bus
from tetragon_server.config import AgentConfig
from tetragon_server.encode import EncodedEvent
from tetragon_server.export.assembly import Export
from tetragon_server.export.exporter import Exporter
from tetragon_server.export.feed import Feed
from tetragon_server.export.json_lines import JsonLines
from tetragon_server.export.rate_limit import RateLimit
from tetragon_server.export.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLOSE_S = 20


def make_bus() -> Bus:
    return Bus(max_events=1000, max_bytes=1 << 20)


def exported(
    path: Path,
    events: list[EncodedEvent],
    between: Callable[[Export], None] | None = None,
    **set_: Any,
) -> list[Any]:
    """What is in the file after an agent with these settings has run; `between` is its middle."""

    async def run() -> None:
        bus = make_bus()
        config = AgentConfig(export_filename=str(path), **set_)
        export = Export(config, bus, node_name="n1")
        for event in events:
            bus.publish(event)
        export.start()
        if between is not None:
            between(export)
            for event in events:
                bus.publish(event)
        await bus.drain(CLOSE_S)
        await export.close(CLOSE_S)

    asyncio.run(run())
    return [json.loads(line) for line in path.read_text().splitlines()]


def pids(lines: list[Any]) -> list[int]:
    return [next(iter(line.values()))["process"]["pid"] for line in lines]


def test_every_event_since_the_beginning_is_in_the_file(tmp_path: Path) -> None:
    """Also those that came before anything ran; in order, in Tetragon's form."""
    lines = exported(tmp_path / "e.log", [exec_of(1), exit_of(1), exec_of(2)])

    assert lines == [
        {
            "process_exec": {"process": {"pid": 1, "binary": "/bin/b1"}},
            "node_name": "n1",
            "time": "1970-01-01T00:00:01Z",
        },
        {"process_exit": {"process": {"pid": 1, "binary": "/bin/b1"}}, "node_name": "n1"},
        {
            "process_exec": {"process": {"pid": 2, "binary": "/bin/b2"}},
            "node_name": "n1",
            "time": "1970-01-01T00:00:02Z",
        },
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"export_allowlist": '{"event_set":["PROCESS_EXEC"]}'}, [1, 2]),
        ({"export_denylist": '{"binary_regex":["b1$"]}\n{"pid":[7]}'}, [2, 2]),
        (
            {
                "export_allowlist": '{"event_set":["PROCESS_EXIT"]} {"pid":[1]}',
                "export_denylist": '{"pid":[2]}',
            },
            [1, 1],
        ),
        ({"export_allowlist": '{"pid_set":[2]}', "enable_pid_set_filter": True}, [2, 2]),
    ],
    ids=["allow", "deny", "both", "pid_set"],
)
def test_filters_choose_events(
    tmp_path: Path, settings: dict[str, Any], expected: list[int]
) -> None:
    """One of the allow list has to match, and none of the deny list."""
    events = [exec_of(1), exit_of(1), exec_of(2), exit_of(2)]

    assert pids(exported(tmp_path / "e.log", events, **settings)) == expected


def test_field_filters_choose_fields(tmp_path: Path) -> None:
    """Of the event only: node and time stay."""
    settings: dict[str, Any] = {"field_filters": '{"fields":"process.pid"}'}

    assert exported(tmp_path / "e.log", [exec_of(1)], **settings) == [
        {
            "process_exec": {"process": {"pid": 1}},
            "node_name": "n1",
            "time": "1970-01-01T00:00:01Z",
        }
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"export_allowlist": '{"no_such_field":1}'}, "export-allowlist: "),
        ({"export_denylist": '["a"]'}, "export-denylist: "),
        ({"export_denylist": '{"binary_regex":["("]}'}, "export-denylist: "),
        ({"field_filters": '{"fields":["a"]}'}, "field-filters: "),
        ({"export_allowlist": '{"pid_set":[1]}'}, "export-allowlist: pid_set"),
    ],
)
def test_filters_that_cannot_be_used_end_the_start(settings: dict[str, Any], said: str) -> None:
    """With one line that names the option; a check of the settings finds the same."""
    config = AgentConfig(export_filename="/nowhere/e.log", **settings)

    for attempt in (config.check_export, lambda: Export(config, make_bus(), node_name="n")):
        with pytest.raises(UsageError) as error:
            attempt()
        assert str(error.value).startswith(said)
        assert "\n" not in str(error.value)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """The start ends with its name; a reload does not ask a file system that may hang."""
    config = AgentConfig(export_filename=str(tmp_path))
    config.check()

    with pytest.raises(UsageError, match=f"{tmp_path} is a directory"):
        Export(config, make_bus(), node_name="n")


def test_an_export_that_was_off_is_not_said_to_be_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit that was 0 at the start cannot be raised by a reload, which says so."""
    config = AgentConfig(export_filename=str(tmp_path / "e.log"), export_rate_limit="0")
    export = Export(config, make_bus(), node_name="n")

    export.reload(config)
    assert [] == caplog.messages
    export.reload(replace(config, export_rate_limit="-1"))

    assert [
        "nothing is exported before a restart: export-rate-limit was 0 at the start"
    ] == caplog.messages


def test_what_is_over_the_limit_is_told_in_the_file(tmp_path: Path) -> None:
    """The last report comes with the end, so that no drop goes untold."""
    events = [exec_of(number) for number in range(5)]
    lines = exported(tmp_path / "e.log", events, export_rate_limit="2", cluster_name="c")

    assert pids(lines[:2]) == [0, 1]
    assert lines[2].pop("time").endswith("Z")
    assert lines[2:] == [
        {
            "rate_limit_info": {"number_of_dropped_process_events": "3"},
            "node_name": "n1",
            "cluster_name": "c",
        }
    ]


@pytest.mark.parametrize("text", ["many", "", "-1", "-7"])
def test_a_limit_that_is_no_number_is_none(tmp_path: Path, text: str) -> None:
    """As with Tetragon, which only warns."""
    events = [exec_of(number) for number in range(50)]

    assert len(exported(tmp_path / "e.log", events, export_rate_limit=text)) == 50


@pytest.mark.parametrize(
    "settings", [{}, {"export_filename": "/nowhere/e.log", "export_rate_limit": "0"}]
)
def test_without_a_file_or_with_limit_zero_nothing_is_exported(settings: dict[str, Any]) -> None:
    """The bus has no subscriber more, so nothing is encoded for it."""
    bus = make_bus()

    export = Export(AgentConfig(**settings), bus, node_name="n")

    assert (bus.subscribers, export.statistics(), export.counters()) == (0, {}, {})


def test_other_filters_and_limits_are_taken_over(tmp_path: Path) -> None:
    """Settings that are read again hold for the next event."""

    def reload(export: Export) -> None:
        config = AgentConfig(export_filename=str(tmp_path / "e.log"))
        export.reload(replace(config, export_allowlist='{"pid":[2]}'))

    events = [exec_of(1), exec_of(2), exec_of(3)]

    assert pids(exported(tmp_path / "e.log", events, reload)) == [1, 2, 3, 2]


def test_settings_that_are_refused_change_nothing(tmp_path: Path) -> None:
    """The filters and limits that were go on."""

    def reload(export: Export) -> None:
        config = AgentConfig(export_filename=str(tmp_path / "e.log"), export_rate_limit="1")
        with pytest.raises(UsageError):
            export.reload(replace(config, export_allowlist="{"))

    assert pids(exported(tmp_path / "e.log", [exec_of(1), exec_of(2)], reload)) == [1, 2, 1, 2]


def make_exporter(bus: Bus, *sinks: FakeSink, limit: int = -1) -> Exporter:
    feeds = [Feed(sink, max_events=100, max_bytes=10_000, retries_s=(0.001,)) for sink in sinks]
    lines = JsonLines(node_name="n1", cluster_name="")
    selection = Selection(AgentConfig())
    rate_limit = RateLimit(limit, lambda: 0.0)
    return Exporter(bus, selection, rate_limit, lines, feeds, max_events=10)


def test_a_sink_that_hangs_disturbs_no_other() -> None:
    """Each has its own queue and thread; the end does not wait for it longer than it may."""
    good, bad = FakeSink(), FakeSink()
    bad.name = "bad"
    bad.gate.clear()

    async def run() -> Exporter:
        bus = make_bus()
        exporter = make_exporter(bus, good, bad)
        exporter.start()
        for number in range(10):
            bus.publish(exec_of(number))
        await exporter.close(0.2)
        return exporter

    statistics = asyncio.run(run()).statistics()
    bad.gate.set()

    assert [len(good.lines), statistics["fake"].exported, statistics["fake"].lost] == [10, 10, 0]
    assert (statistics["bad"].exported, statistics["bad"].lost) == (0, 10)


def test_statistics_tell_what_became_of_events() -> None:
    """Written, dropped by the limit, dropped by the full queue of the bus, and not to be made."""
    sink = FakeSink()

    async def run() -> Exporter:
        bus = make_bus()
        exporter = make_exporter(bus, sink, limit=12)
        bus.publish(EncodedEvent(pb.PROCESS_EXEC, b"\xff"))
        for number in range(15):
            bus.publish(exec_of(number))
        exporter.start()
        await exporter.close(CLOSE_S)
        return exporter

    exporter = asyncio.run(run())
    found = exporter.statistics()["fake"]

    assert (found.exported, found.rate_limited, found.lost) == (9, 4, 3)
    assert found.last_event_time_ns == 8_000_000_000
    assert found.exported_bytes == sum(len(line) + 1 for line in sink.lines)
    assert exporter.counters()[Counter.EXPORTED] == 9
    # What the bus dropped is among its own counts.
    assert exporter.counters()[Counter.EXPORT_LOST] == 1


def test_what_is_left_at_the_end_is_counted() -> None:
    """An end without any time loses what waits, and says so."""

    async def run() -> Exporter:
        bus = make_bus()
        exporter = make_exporter(bus, FakeSink())
        for number in range(5):
            bus.publish(exec_of(number))
        exporter.start()
        await exporter.close(0)
        return exporter

    assert asyncio.run(run()).statistics()["fake"].lost == 5
