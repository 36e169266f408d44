# SPDX-License-Identifier: Apache-2.0
"""Something to measure, and its page as a scraper reads it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from tetragon_core.cache import ProcessCache
from tetragon_core.stats import Stats
from tetragon_server.bus import Bus
from tetragon_server.config import AgentConfig
from tetragon_server.metrics.event_counts import EventCounts
from tetragon_server.metrics.page import Page
from tetragon_server.metrics.scrape import Sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.program_runs import ProgramRuns
    from tetragon_server.metrics.family import Family

    Series = dict[tuple[tuple[str, str], ...], float]
    """Labels in their order by name, and the value."""


class FakeSensor:
    """A base sensor that has seen something."""

    def __init__(self) -> None:
        self.runs: list[ProgramRuns] = []

    def received(self) -> Mapping[str, int]:
        """The same always."""
        return {"exec": 10, "fork": 20, "exit": 9}

    @property
    def process_entries(self) -> int:
        """The same always."""
        return 100

    def program_runs(self) -> Sequence[ProgramRuns]:
        """What the test has set."""
        return self.runs


def sources(**changes: Any) -> Sources:
    """An agent to which nothing has happened yet, but for `changes`."""
    stats = Stats()
    values: dict[str, Any] = {
        "config": AgentConfig(),
        "node_name": "n1",
        "stats": stats,
        "cache": ProcessCache(stats, capacity=8),
        "bus": Bus(max_events=1, max_bytes=1),
        "sensor": FakeSensor(),
        "policies": list,
        "hits": dict,
        "events": EventCounts(),
        "exports": dict,
    }
    return Sources(**(values | changes))


def page_of(measured: Sources, *families: Family) -> str:
    """The text of one scrape: of all metrics, or of these."""
    page = Page(measured, families) if families else Page(measured)
    return asyncio.run(page.text()).decode()


def series_in(text: str, name: str) -> Series:
    """Every series of one name."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def series(measured: Sources, name: str) -> Series:
    """Every series of one name, after a scrape."""
    return series_in(page_of(measured), name)


def value(measured: Sources, name: str, **labels: str) -> float:
    """That of one series; labels that are not given are empty."""
    wanted = {key: text for key, text in labels.items() if text}
    (found,) = (
        number
        for key, number in series(measured, name).items()
        if {one: text for one, text in key if text} == wanted
    )
    return found
