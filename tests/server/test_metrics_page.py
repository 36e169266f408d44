# SPDX-License-Identifier: Apache-2.0
"""The page of metrics as text: exact names and types, whole in slices, whatever cannot be read."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Tally
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.fake_engine import FakeEngine, FakePolicy, policy_text
from server.measured import FakeSensor, page_of, series, series_in, sources, value
from tetragon_core.errors import LoadError
from tetragon_core.hooks import HookEvent
from tetragon_core.policy.parse import parse_policy
from tetragon_core.program_runs import ProgramRuns
from tetragon_core.stats import Counter, Stats
from tetragon_server.config import AgentConfig
from tetragon_server.export.exporter import ExportStatistics
from tetragon_server.metrics.catalog import FAMILIES, PROCESS_METRICS
from tetragon_server.metrics.family import Family
from tetragon_server.metrics.page import Page
from tetragon_server.policies.entry import PolicyEntry, PolicyKey, PolicyMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_server.metrics.family import Sample
    from tetragon_server.metrics.scrape import Scrape


def family(name: str, kind: str = "counter", *samples: Sample, labels: str = "") -> Family:
    return Family(
        name=name,
        kind=kind,  # type: ignore[arg-type]  # one of the two
        text="What it is",
        labels=tuple(labels.split()),
        read=lambda _: samples,
    )


def loaded_policy() -> PolicyEntry:
    policy = parse_policy(policy_text("p1", call="tcp_connect"))
    loaded = FakePolicy(FakeEngine(), policy, "")
    entry = PolicyEntry(
        id=2, key=PolicyKey("p1", "ns1", "grpc"), policy=policy, mode=PolicyMode.MONITOR_ONLY
    )
    entry.take(loaded, 1)
    return entry


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a_total", "counter"),
        ("a_stats", "counter"),
        ("a_errors_total", "gauge"),
        ("a", "gauge"),
    ],
)
def test_names_and_types_to_the_letter(name: str, kind: str) -> None:
    """Names of Tetragon that break the rules of names come out as they are."""
    text = page_of(sources(), family(name, kind, ((), 1)))

    assert [f"# HELP {name} What it is", f"# TYPE {name} {kind}", f"{name} 1.0"] == (
        text.splitlines()[:3]
    )


def test_nothing_is_said_of_what_has_no_series() -> None:
    """As in Tetragon."""
    assert "a_total" not in page_of(sources(), family("a_total"))


def test_values_of_labels_are_escaped() -> None:
    """A binary can have any name; a scraper reads back what it is."""
    name = 'a"b\\c\nd é\ufffd'

    text = page_of(sources(), family("a_total", "counter", ((name,), 1), labels="binary"))

    assert {(("binary", name),): 1} == series_in(text, "a_total")


def test_a_long_metric_is_whole() -> None:
    """Its head comes once, and every series of it once, however many slices it is made in."""
    samples: list[Sample] = [((str(number),), number) for number in range(1001)]

    text = page_of(sources(), family("a_total", "counter", *samples, labels="n"))

    assert 1 == text.count("# TYPE a_total")
    assert {(("n", str(number)),): number for number in range(1001)} == series_in(text, "a_total")


def test_what_cannot_be_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """The rest of the page is there, later pages count the loss, and it is logged once."""

    def refuse(_: Scrape) -> Iterator[Sample]:
        raise LoadError("program hook cannot be asked for")

    broken = Family(name="a_total", kind="counter", text="", read=refuse)
    measured = sources()
    page = Page(measured, (broken, *FAMILIES))

    with caplog.at_level(logging.WARNING):
        first, second = asyncio.run(page.text()), asyncio.run(page.text())

    name = "tetragon_mini_metrics_unreadable_total"
    assert [{(): 0}, {(): 1}] == [series_in(text.decode(), name) for text in (first, second)]
    assert ["a metric could not be read"] == [record.message for record in caplog.records]


def test_no_series_comes_twice() -> None:
    """A scraper refuses the whole page for one; names and labels are what Prometheus allows."""
    entry = loaded_policy()
    sensor = FakeSensor()
    sensor.runs = [run(), run()]
    measured = sources(sensor=sensor, policies=lambda: [entry, entry])

    found = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for one in text_string_to_metric_families(page_of(measured))
        for sample in one.samples
    ]

    assert [] == [series for series, times in Tally(found).items() if times > 1]


def test_the_agents_own_process() -> None:
    """The client library's metrics of this process; none of Go or of Python."""
    names = {one.name for one in text_string_to_metric_families(page_of(sources()))}

    assert {name.removesuffix("_total") for name in PROCESS_METRICS} == {
        name for name in names if not name.startswith("tetragon_")
    }


def run(**fields: int | None) -> ProgramRuns:
    values: dict[str, int | None] = {"runs": 3, "time_ns": 1_500_000_000, "skipped": 2}
    return ProgramRuns(
        sensor="__base__",
        attach="sched_process_exec",
        section="tp_btf/sched_process_exec",
        **(values | fields),  # type: ignore[arg-type]  # only `skipped` may be None
    )


def test_runs_of_programs() -> None:
    """Those of the base sensor and of policies; seconds are seconds; copies add up."""
    entry, sensor = loaded_policy(), FakeSensor()
    sensor.runs = [run(), run(runs=1)]
    measured = sources(
        config=AgentConfig(enable_program_stats=True), sensor=sensor, policies=lambda: [entry]
    )

    base = {
        "policy": "__base__",
        "sensor": "__base__",
        "attach": "sched_process_exec",
        "section": "tp_btf/sched_process_exec",
    }
    own = {
        "policy": "p1",
        "policy_namespace": "ns1",
        "sensor": "generic_kprobe",
        "attach": "tcp_connect",
        "section": "fentry/tcp_connect",
    }
    of_policy = {"policy": "p1", "attach": "tcp_connect"}
    runs, seconds = (
        "tetragon_overhead_program_runs_total",
        "tetragon_overhead_program_seconds_total",
    )
    assert (4, 4) == (value(measured, runs, **base), value(measured, runs, **own))
    assert (3, 0.002) == (value(measured, seconds, **base), value(measured, seconds, **own))
    assert 1 == value(measured, "tetragon_missed_prog_probes_total", **of_policy)
    assert {(("attach", "tcp_connect"), ("policy", "p1")): 2} == series(
        measured, "tetragon_missed_link_probes_total"
    )


def test_skipped_runs_that_others_took_are_not_told() -> None:
    """Of a program that has copies the kernel's count is no loss."""
    sensor = FakeSensor()
    sensor.runs = [run(skipped=None)]

    assert {} == series(sources(sensor=sensor), "tetragon_missed_prog_probes_total")


def test_messages_by_kind() -> None:
    """Every kind of Tetragon's has a series, also those that never come."""
    hits = {HookEvent.KPROBE: 5, HookEvent.LOADER: 2}
    found = series(sources(hits=lambda: hits), "tetragon_msg_op_total")

    expected = dict.fromkeys(map(str, (13, 14, 15, 16, 24, 25, 26, 27, 28)), 0)
    expected |= {"5": 10, "7": 9, "23": 20, "13": 5, "26": 2}
    assert expected == {operation: count for ((_, operation),), count in found.items()}


def test_losses() -> None:
    """What the ring refused is told in sum, by Tetragon's kinds and by ours."""
    stats = Stats()
    stats.add(Counter.RING_LOST_EXEC, 3)
    stats.add(Counter.RING_LOST_HOOK, 4)
    measured = sources(stats=stats)

    missed = "tetragon_bpf_missed_events_total"
    assert 7 == value(measured, "tetragon_observer_ringbuf_events_lost_total")
    assert 3 == value(measured, missed, msg_op="5", error="EAGAIN")
    assert 4 == value(measured, missed, msg_op="13", error="EAGAIN")
    assert 3 == value(measured, "tetragon_mini_ring_lost_total", record="exec")


@pytest.mark.parametrize("counter", Counter, ids=lambda one: one.label)
def test_every_counter_is_there(counter: Counter) -> None:
    """Under its own name, or as a kind of record the ring refused."""
    stats = Stats()
    stats.add(counter, 7)
    labels = {}
    name = f"tetragon_mini_{counter.label}_total"
    if counter.label.startswith("ring_lost_"):
        name = "tetragon_mini_ring_lost_total"
        labels = {"record": counter.label.removeprefix("ring_lost_")}

    assert 7 == value(sources(stats=stats), name, **labels)


def test_export() -> None:
    """Tetragon's metrics are about the file; without one nothing was exported, at no time."""
    none, some = sources(), ExportStatistics(**dict.fromkeys(ExportStatistics.__slots__, 5))
    measured = sources(exports=lambda: {"file": some, "other": some})

    last = "tetragon_events_last_exported_timestamp"
    assert ({}, {(): 5e-9}) == (series(none, last), series(measured, last))
    for name in (
        "tetragon_events_exported_total",
        "tetragon_events_exported_bytes_total",
        "tetragon_export_ratelimit_events_dropped_total",
    ):
        assert (0, 5) == (value(none, name), value(measured, name))
