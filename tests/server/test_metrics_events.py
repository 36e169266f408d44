# SPDX-License-Identifier: Apache-2.0
"""Counting events by what they are and by binary, and what becomes of it on the page."""

from __future__ import annotations

from typing import Any

import pytest

from server.builders import exec_event, exit_event, image, process
from server.measured import series, sources, value
from tetragon_core.events import Event, HookHit, Throttle
from tetragon_core.hooks import ArgumentValue, HookEvent, HookInfo, HookMessage
from tetragon_core.messages import ProcessKey
from tetragon_core.workloads.model import Pod, Workload
from tetragon_server.config import AgentConfig
from tetragon_server.metrics.event_counts import IDLE_S, OTHER, EventCounts

EVENTS = "tetragon_events_total"
HITS = "tetragon_policy_events_total"
CALLS = "tetragon_syscalls_total"
BY_LABELS = {"namespace", "workload", "pod", "binary", "node_name"}


def of(binary: str) -> Event:
    return exec_event(process=process(image=image(binary=binary)))


def hit(event: HookEvent, *arguments: ArgumentValue, **fields: Any) -> HookHit:
    info = HookInfo(event=event, policy_name="p1", **fields)
    message = HookMessage(
        process=ProcessKey(1, 1), tid=1, ktime_ns=1, info=info, action=0, arguments=arguments
    )
    return HookHit(process=process(), parent=None, time_ns=1, hit=message)


def counted(*events: Event, **settings: Any) -> EventCounts:
    counts = EventCounts(**settings)
    for event in events:
        counts(event)
    return counts


def test_events_by_type_and_binary() -> None:
    """Every event is counted once; one without a process or an image has no binary."""
    unknown = exit_event(process=process(image=None))
    throttle = Throttle(cgroup="c", time_ns=1, is_start=True)

    measured = sources(
        events=counted(of("/a"), of("/b"), of("/a"), exit_event(), unknown, throttle)
    )

    assert {
        ("PROCESS_EXEC", "/a"): 2,
        ("PROCESS_EXEC", "/b"): 1,
        ("PROCESS_EXIT", "/usr/bin/ls"): 1,
        ("PROCESS_EXIT", ""): 1,
        ("PROCESS_THROTTLE", ""): 1,
    } == {
        (dict(labels)["type"], dict(labels)["binary"]): count
        for labels, count in series(measured, EVENTS).items()
    }


@pytest.mark.parametrize(
    ("event", "fields", "hook"),
    [
        (HookEvent.KPROBE, {"function_name": "tcp_connect"}, "kprobe:tcp_connect"),
        (HookEvent.TRACEPOINT, {"subsystem": "s", "tracepoint": "t"}, "tracepoint:s/t"),
        (HookEvent.LSM, {"function_name": "file_open"}, "lsm:file_open"),
        (HookEvent.UPROBE, {"path": "/bin/sh", "symbol": "main"}, "uprobe:/bin/sh/main"),
        (HookEvent.USDT, {"provider": "libc", "probe": "setjmp"}, "usdt:libc/setjmp"),
    ],
    ids=lambda one: one.name if isinstance(one, HookEvent) else "",
)
def test_hits_by_hook(event: HookEvent, fields: dict[str, str], hook: str) -> None:
    """A hit is an event of its type, and one of its policy under the hook's name in Tetragon."""
    measured = sources(events=counted(hit(event, **fields), hit(event, **fields)))

    binary = "/usr/bin/ls"
    assert 2 == value(measured, EVENTS, type=f"PROCESS_{event.name}", binary=binary)
    assert 2 == value(measured, HITS, policy="p1", hook=hook, binary=binary)


def test_loads_are_no_policy_events() -> None:
    """As in Tetragon, whose loader is no policy."""
    measured = sources(events=counted(hit(HookEvent.LOADER)))

    assert 1 == value(measured, EVENTS, type="PROCESS_LOADER", binary="/usr/bin/ls")
    assert {} == series(measured, HITS)


def test_system_calls() -> None:
    """Hits of the tracepoint of all calls are counted by the call's name, where it is known."""
    place = {"subsystem": "raw_syscalls", "tracepoint": "sys_enter"}
    calls = [
        hit(
            HookEvent.TRACEPOINT, ArgumentValue("syscall_id", {"id": number, "abi": "x64"}), **place
        )
        for number in (0, 0, 1, 99_999)
    ]
    elsewhere = hit(HookEvent.TRACEPOINT, *calls[0].hit.arguments, subsystem="s", tracepoint="t")

    measured = sources(events=counted(*calls, elsewhere, hit(HookEvent.TRACEPOINT, **place)))

    assert {"read": 2, "write": 1} == {
        dict(labels)["syscall"]: count for labels, count in series(measured, CALLS).items()
    }


def test_sums_stay_when_there_are_too_many() -> None:
    """Binaries beyond the limit are one, which is told; not one event is missing in the sum."""
    measured = sources(events=counted(*(of(f"/{n % 100}") for n in range(500)), max_series=10))

    assert 11 == len(series(measured, EVENTS))
    assert 500 == sum(series(measured, EVENTS).values())
    assert 450 == value(measured, EVENTS, type="PROCESS_EXEC", binary=OTHER)
    assert 450 == value(measured, "tetragon_mini_events_folded_total")
    assert 10 == value(measured, "tetragon_mini_event_series")


def test_too_many_hooks_are_one() -> None:
    """Policies that come and go for ever cannot fill the memory, and are counted still."""
    hits = [hit(HookEvent.KPROBE, function_name=f"f{n}") for n in range(50)]

    measured = sources(events=counted(*hits, max_series=8))

    assert 9 > len(series(measured, HITS))
    assert 50 == sum(series(measured, HITS).values())
    assert 50 == sum(series(measured, EVENTS).values())


def test_idle_series_make_room() -> None:
    """Once half are taken, what has not happened for an hour is folded; the sum is the same."""
    counts = counted(of("/idle"), of("/busy"), max_series=4)
    for now_s in (0, IDLE_S - 1):
        counts.give_up_idle(now_s)
        assert 2 == counts.series
    counts(of("/busy"))
    counts.give_up_idle(IDLE_S)

    counts.give_up_idle(IDLE_S + 1)

    assert {OTHER: 1, "/busy": 2} == {
        dict(labels)["binary"]: count
        for labels, count in series(sources(events=counts), EVENTS).items()
    }


def test_idle_series_stay_while_there_is_room() -> None:
    """A small host keeps its series for ever."""
    counts = counted(of("/idle"), max_series=4)

    for now_s in (0, 10 * IDLE_S):
        counts.give_up_idle(now_s)

    assert 1 == value(sources(events=counts), EVENTS, type="PROCESS_EXEC", binary="/idle")


@pytest.mark.parametrize(
    ("chosen", "filled"),
    [
        ("namespace,workload,pod,binary", {"binary": "/a"}),
        ("binary, node_name,nonsense", {"binary": "/a", "node_name": "n1"}),
        ("", {}),
    ],
)
def test_label_filter(chosen: str, filled: dict[str, str]) -> None:
    """Labels that are not chosen are there, and empty; so sums over them are right."""
    config = AgentConfig(metrics_label_filter=chosen)
    counts = EventCounts(config.metric_labels)
    counts(of("/a"))

    ((labels, _),) = series(sources(config=config, events=counts), EVENTS).items()

    assert dict.fromkeys(BY_LABELS, "") | filled | {"type": "PROCESS_EXEC"} == dict(labels)


def of_pod(name: str, binary: str = "/a") -> Event:
    found = process(image=image(binary=binary))
    found.workload = Workload(None, Pod(namespace="shop", name=name, workload="web"))
    return exec_event(process=found)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (
            "namespace,workload,pod,binary",
            {("shop", "web", "web-1", "/a"): 2, ("shop", "web", "web-2", "/a"): 1},
        ),
        ("namespace,binary", {("shop", "", "", "/a"): 3}),
        ("workload", {("", "web", "", ""): 3}),
        ("binary", {("", "", "", "/a"): 3}),
    ],
)
def test_labels_of_pods(chosen: str, expected: dict[tuple[str, ...], int]) -> None:
    """Events of pods are counted apart by the labels that are chosen, and apart from the host's."""
    config = AgentConfig(metrics_label_filter=chosen)
    counts = EventCounts(config.metric_labels)
    for name in ("web-1", "web-2", "web-1"):
        counts(of_pod(name))

    found = {
        tuple(dict(labels)[name] for name in ("namespace", "workload", "pod", "binary")): count
        for labels, count in series(sources(config=config, events=counts), EVENTS).items()
    }

    assert expected == found


def test_pods_share_the_limit_of_series() -> None:
    """However many pods there are, the series end: what comes later has no pod."""
    counts = EventCounts(max_series=2)
    for number in range(4):
        counts(of_pod(f"web-{number}"))

    found = series(sources(events=counts), EVENTS)

    assert {("web-0", "/a"): 1, ("web-1", "/a"): 1, ("", OTHER): 2} == {
        (dict(labels)["pod"], dict(labels)["binary"]): count for labels, count in found.items()
    }


def test_counting_off() -> None:
    """Without counts there is no series about events, and everything else is there."""
    measured = sources(events=None)

    assert {} == series(measured, EVENTS)
    assert 8 == value(measured, "tetragon_process_cache_capacity")
