# SPDX-License-Identifier: Apache-2.0
"""Metrics keep what is promised: Tetragon's names and labels, and what our dashboard asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tetragon_core.stats import Counter
from tetragon_server.metrics.catalog import ABSENT, FAMILIES, PROCESS_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
SPEC: Final = ROOT.parent / "shared/spec/metrics.md"
"""Facts about Tetragon beside this repository, on some machines."""
LIST: Final = ROOT / "tests/data/tetragon_metrics.txt"
DASHBOARD: Final = ROOT / "contrib/grafana/tetragon-mini.json"
ALERTS: Final = ROOT / "contrib/prometheus/tetragon-mini-alerts.yaml"

BY_NAME: Final = {family.name: family for family in FAMILIES}
OF_PROMETHEUS: Final = {"up", *PROCESS_METRICS}
OF_SCRAPES: Final = {"job", "instance"}
"""Labels that Prometheus adds."""
RELIED_ON: Final = {
    "tetragon_events_total",
    "tetragon_policy_events_total",
    "tetragon_bpf_missed_events_total",
    "tetragon_observer_ringbuf_events_lost_total",
    "tetragon_process_cache_size",
    "tetragon_process_cache_evictions_total",
    "tetragon_event_cache_fetch_failures_total",
    "tetragon_export_ratelimit_events_dropped_total",
    "tetragon_tracingpolicy_loaded",
    "tetragon_build_info",
}
"""What dashboards made for Tetragon ask for."""


def listed() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels of each of Tetragon's metrics."""
    lines = [line.split() for line in LIST.read_text().splitlines() if not line.startswith("#")]
    return {name: (kind, tuple(labels)) for name, kind, *labels in lines}


def expressions() -> Iterator[str]:
    """Every query of the dashboard and of the alerts."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def metrics_in(expression: str) -> set[str]:
    """Names of metrics in a query."""
    return set(re.findall(r"\b(?:tetragon|process)_\w+|\bup\b", expression))


def labels_in(expression: str) -> set[str]:
    """Names of labels in a query: those it groups by and those it selects by."""
    groups = ",".join(re.findall(r"\bby \(([^)]*)\)", expression))
    return {*re.findall(r"\w+", groups), *re.findall(r"(\w+)(?==~?\"|!=\")", expression)}


def test_no_name_comes_twice() -> None:
    """A scraper would refuse the page."""
    assert len(FAMILIES) == len(BY_NAME)


@pytest.mark.parametrize(("name", "promised"), listed().items(), ids=lambda one: str(one)[:60])
def test_metrics_of_tetragon(name: str, promised: tuple[str, tuple[str, ...]]) -> None:
    """Each is here with its type and its labels, or absent for a reason; never both."""
    reasons = [one.reason for one in ABSENT if one.name == name]

    if name in BY_NAME:
        family = BY_NAME[name]
        assert ([], promised) == (reasons, (family.kind, family.labels))
    else:
        assert [True] == [len(reason.split()) > 3 for reason in reasons]


def test_none_of_tetragons_is_made_up() -> None:
    """What Tetragon does not have has a prefix that says so."""
    known = set(listed())

    assert set() == {one.name for one in ABSENT} - known
    assert set() == {family.name for family in FAMILIES if not family.is_ours} - known


def test_what_dashboards_rely_on() -> None:
    """The series that boards made for Tetragon show are here."""
    assert RELIED_ON == RELIED_ON & BY_NAME.keys()


def test_the_list_is_complete() -> None:
    """Every metric in the tables of the facts is in the list, where there are facts."""
    text = SPEC.read_text() if SPEC.exists() else ""
    cells = re.findall(r"^\| (tetragon_[^|]*) \|", text, re.MULTILINE)

    names = {name for cell in cells for name in re.findall(r"tetragon_\w+", cell)}

    assert set() == names - listed().keys()


@pytest.mark.parametrize("expression", list(expressions()))
def test_queries_ask_for_what_there_is(expression: str) -> None:
    """Every metric of a query is on the page, and has the labels the query names."""
    names = metrics_in(expression)
    labels = labels_in(expression) - OF_SCRAPES

    assert names
    assert set() == names - BY_NAME.keys() - OF_PROMETHEUS
    for name in names & BY_NAME.keys():
        assert set() == labels - set(BY_NAME[name].labels)


def test_every_loss_is_on_the_dashboard() -> None:
    """A counter of losses that no panel shows would be a silent loss."""
    shown = {name for one in expressions() for name in metrics_in(one)}
    elsewhere = {
        Counter.RECORDS_BAD: "tetragon_handler_errors_total",
        Counter.HANDLER_ERRORS: "tetragon_handler_errors_total",
        Counter.SUBSCRIBER_DROPPED: "tetragon_notify_overflowed_events_total",
    }
    wanted = {
        elsewhere.get(counter, f"tetragon_mini_{counter.label}_total")
        for counter in Counter
        if counter.lost and not counter.label.startswith("ring_lost_")
    }

    assert set() == (wanted | {"tetragon_mini_ring_lost_total"}) - shown


def test_the_dashboard_is_whole() -> None:
    """Ids are unique, panels do not overlap, and each asks the data source that was chosen."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]

    assert len(panels) == len({panel["id"] for panel in panels})
    assert len(cells) == len(set(cells))
    assert {"${datasource}"} == {
        target["datasource"]["uid"] for panel in panels for target in panel.get("targets", ())
    }
