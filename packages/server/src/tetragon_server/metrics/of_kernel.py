# SPDX-License-Identifier: Apache-2.0
"""Metrics of the kernel's side: records, losses on their way, tables, and the runs of programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import HookEvent
from tetragon_core.stats import Counter

from .family import Family, summed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .family import Sample
    from .scrape import Scrape

__all__ = ["KERNEL"]

_KINDS: Final = {"exec": "5", "exit": "7", "fork": "23", "cgroup": "25", "throttle": "27"}
"""Numbers of Tetragon's messages (MSG_OP_*), by our kinds of records."""
_HITS: Final = {
    HookEvent.KPROBE: "13",
    HookEvent.TRACEPOINT: "14",
    HookEvent.UPROBE: "15",
    HookEvent.LSM: "16",
    HookEvent.LOADER: "26",
    HookEvent.USDT: "28",
}
_NEVER: Final = ("24",)
"""Data comes with its event."""
_RING_FULL: Final = "EAGAIN"
_LOST: Final = {
    Counter.RING_LOST_EXEC: "5",
    Counter.RING_LOST_EXIT: "7",
    Counter.RING_LOST_HOOK: "13",
    Counter.RING_LOST_FORK: "23",
    Counter.RING_LOST_CGROUP: "25",
    Counter.RING_LOST_THROTTLE: "27",
}
_PROCESSES: Final = ("execve_map",)
_PROGRAM: Final = ("policy_namespace", "policy", "sensor", "attach", "section")


def _messages(scrape: Scrape) -> Iterator[Sample]:
    for kind, number in _KINDS.items():
        yield (number,), scrape.received.get(kind, 0)
    for event, number in _HITS.items():
        yield (number,), scrape.hits.get(event, 0)
    for number in _NEVER:
        yield (number,), 0


def _records_read(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.counters[Counter.RECORDS_READ]


def _records_lost(scrape: Scrape) -> Iterator[Sample]:
    yield (), sum(scrape.counters[counter] for counter in _LOST)


def _ring_errors(_: Scrape) -> Iterator[Sample]:
    yield (), 0


def _lost_by_kind(scrape: Scrape) -> Iterator[Sample]:
    for counter, number in _LOST.items():
        yield (number, _RING_FULL), scrape.counters[counter]


def _table_capacity(scrape: Scrape) -> Iterator[Sample]:
    yield _PROCESSES, scrape.sources.sensor.process_entries


def _table_refusals(scrape: Scrape) -> Iterator[Sample]:
    yield _PROCESSES, scrape.counters[Counter.PROCESS_TABLE_FULL]


def _skipped(scrape: Scrape) -> Iterator[Sample]:
    return summed(
        ((one.policy, one.program.attach), one.program.skipped)
        for one in scrape.programs
        if one.program.skipped is not None
    )


def _probe_missed(scrape: Scrape) -> Iterator[Sample]:
    return summed(
        ((one.policy, one.program.attach), one.program.probe_missed)
        for one in scrape.programs
        if one.program.probe_missed is not None
    )


def _runs(scrape: Scrape) -> Iterator[Sample]:
    return _of_programs(scrape, "runs")


def _seconds(scrape: Scrape) -> Iterator[Sample]:
    return ((labels, value / 1e9) for labels, value in _of_programs(scrape, "time_ns"))


def _of_programs(scrape: Scrape, field: str) -> Iterator[Sample]:
    if not scrape.counts_runs:
        return iter(())
    return summed(
        (
            (one.namespace, one.policy, run.sensor, run.attach, run.section),
            getattr(run, field),
        )
        for one in scrape.programs
        for run in (one.program,)
    )


KERNEL: Final = (
    Family(
        name="tetragon_msg_op_total",
        kind="counter",
        text="Messages of the kernel by kind: 5 exec, 7 exit, 13 kprobe, 14 tracepoint, 15 uprobe,"
        " 16 lsm, 23 clone, 24 data, 25 cgroup, 26 loader, 27 throttle, 28 usdt",
        labels=("msg_op",),
        read=_messages,
        differs="entry and return of a call are one message; 24 and 25 do not exist and stay 0",
    ),
    Family(
        name="tetragon_observer_ringbuf_events_received_total",
        kind="counter",
        text="Records read from the ring buffer",
        read=_records_read,
    ),
    Family(
        name="tetragon_observer_ringbuf_events_lost_total",
        kind="counter",
        text="Records the full ring buffer refused",
        read=_records_lost,
    ),
    Family(
        name="tetragon_observer_ringbuf_errors_total",
        kind="counter",
        text="Failures to read the ring buffer",
        read=_ring_errors,
        differs="0: to read mapped memory cannot fail",
    ),
    Family(
        name="tetragon_bpf_missed_events_total",
        kind="counter",
        text="Records the kernel's side could not send, by kind and error",
        labels=("msg_op", "error"),
        read=_lost_by_kind,
        differs="only the full ring (EAGAIN) loses records; 13 stands for hits of all hooks",
    ),
    Family(
        name="tetragon_map_capacity",
        kind="gauge",
        text="Entries a table in the kernel can have",
        labels=("map",),
        read=_table_capacity,
        differs="only execve_map, the table of processes",
    ),
    Family(
        name="tetragon_map_errors_update_total",
        kind="gauge",
        text="Entries a full table in the kernel could not take",
        labels=("map",),
        read=_table_refusals,
        differs="only execve_map, the table of processes",
    ),
    Family(
        name="tetragon_missed_prog_probes_total",
        kind="counter",
        text="Runs the kernel skipped because the program was active on the CPU already",
        labels=("policy", "attach"),
        read=_skipped,
        differs="not of the base sensor where it has copies (7.0 and later):"
        " see tetragon_mini_program_missed_total",
    ),
    Family(
        name="tetragon_missed_link_probes_total",
        kind="counter",
        text="Hits that the probe before a program lost",
        labels=("policy", "attach"),
        read=_probe_missed,
        differs="also mappings that perf's full buffers lost",
    ),
    Family(
        name="tetragon_overhead_program_runs_total",
        kind="counter",
        text="Runs of a program",
        labels=_PROGRAM,
        read=_runs,
        differs="absent, not 0, while runs are not counted (enable-program-stats);"
        " copies of a program (7.0 and later) add up",
    ),
    Family(
        name="tetragon_overhead_program_seconds_total",
        kind="counter",
        text="Time spent in a program",
        labels=_PROGRAM,
        read=_seconds,
        differs="absent, not 0, while runs are not counted (enable-program-stats);"
        " copies of a program (7.0 and later) add up",
    ),
)
