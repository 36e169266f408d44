# SPDX-License-Identifier: Apache-2.0
"""What metrics cost in this process: counting an event, and a page of all series there can be.

    PYTHONPATH=tools python -m bench.scraping

CPU time of the one thread, so what else the host does counts little. No kernel and no network.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.cache import ProcessCache
from tetragon_core.events import ProcessExec
from tetragon_core.ids import KERNEL_KEY
from tetragon_core.process import Image, Process
from tetragon_core.stats import Stats
from tetragon_server import pump
from tetragon_server.bus import Bus
from tetragon_server.config import AgentConfig
from tetragon_server.encode import EventEncoder
from tetragon_server.metrics.event_counts import MAX_SERIES, EventCounts
from tetragon_server.metrics.page import Page
from tetragon_server.metrics.scrape import Sources
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EVENTS: Final = 20_000
BINARIES: Final = 200
ROUNDS: Final = 7
PAGES: Final = 10


class NoSensor:
    """Where nothing comes from."""

    process_entries = 0

    def losses(self) -> int:
        """None."""
        return 0

    def received(self) -> dict[str, int]:
        """Nothing."""
        return {}

    def program_runs(self) -> list[Any]:
        """No program."""
        return []


def event(number: int, binaries: int) -> ProcessExec:
    """An exec; nothing of it is encoded yet."""
    process = Process("node", (number, number), KERNEL_KEY)
    binary = f"/usr/bin/program{number % binaries}"
    process.image = Image(binary=binary, arguments="-l /tmp", cwd="/root", uid=0, auid=0)
    return ProcessExec(process, None, 1)


def publishing_ns(*, taps: Sequence[Callable[..., object]], subscribed: bool) -> float:
    """Nanoseconds that Pump.publish takes for an event."""
    stats = Stats()
    bus = Bus(max_events=1, max_bytes=1)
    if subscribed:
        bus.subscribe()
    builder = ProcessBuilder(with_credentials=False, with_namespaces=False, host=None, users=None)
    encoder = EventEncoder(builder, node_name="node", cluster_name="")
    source: Any = NoSensor()
    tested = pump.Pump(source, source, encoder, bus, stats, taps=taps)
    events = [event(number, BINARIES) for number in range(EVENTS)]
    began = time.thread_time_ns()
    tested.publish(events)
    return (time.thread_time_ns() - began) / EVENTS


def nothing(_: object) -> None:
    """A tap that does not count."""


async def page_ms(page: Page) -> tuple[float, float]:
    """Milliseconds of a page in all, and of its longest slice."""
    slices: list[float] = []
    task = asyncio.create_task(page.text())
    while not task.done():
        began = time.thread_time()
        await asyncio.sleep(0)
        slices.append((time.thread_time() - began) * 1e3)
    return sum(slices), max(slices)


def full_page() -> Page:
    """One that has all the series there can be of execs."""
    counts, stats = EventCounts(), Stats()
    for number in range(MAX_SERIES):
        counts(event(number, MAX_SERIES))
    sensor: Any = NoSensor()
    sources = Sources(
        config=AgentConfig(),
        node_name="node",
        stats=stats,
        cache=ProcessCache(stats),
        bus=Bus(max_events=1, max_bytes=1),
        sensor=sensor,
        policies=list,
        hits=dict,
        events=counts,
        exports=dict,
    )
    return Page(sources)


def main() -> None:
    """Measure and print."""
    compiled = "compiled" if pump.__file__.endswith(".so") else "Python"
    rows: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for what, taps, subscribed in (
            ("one subscriber, not counted", (), True),
            ("one subscriber, counted", (EventCounts(),), True),
            ("nobody, not counted", (nothing,), False),
            ("nobody, counted", (EventCounts(),), False),
        ):
            rows.setdefault(what, []).append(publishing_ns(taps=taps, subscribed=subscribed))
    for what, found in rows.items():
        print(f"publish, {what}: {median(found):.0f} ns an event ({compiled} pump)")
    page = full_page()
    pages = [asyncio.run(page_ms(page)) for _ in range(PAGES)]
    print(f"page of {MAX_SERIES} series: {median(whole for whole, _ in pages):.0f} ms")
    print(f"longest slice of {PAGES} pages: {max(longest for _, longest in pages):.1f} ms")


if __name__ == "__main__":
    main()
