# SPDX-License-Identifier: Apache-2.0
"""Policies as Prometheus text, under Tetragon's names for dashboards that have them.

The labels are names of policies and of actions: as many series as there are policies, times ten.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from .entry import PolicyMode, PolicyState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .entry import PolicyEntry

    Sample = tuple[str, int]
    """Labels and value."""

__all__ = ["policy_metrics"]

_PASSING: Final = frozenset({PolicyState.LOADING, PolicyState.UNLOADING})
_ACTIONS: Final = {
    "posted": "post",
    "nopost": "nopost",
    **{
        prefix + name: prefix + name
        for name in ("signal", "override", "notify_enforcer", "set")
        for prefix in ("", "monitor_")
    },
}
_OUTCOMES: Final = ("attempts", "spared", "failed")


def policy_metrics(entries: Sequence[PolicyEntry]) -> str:
    """How many policies are in each state; memory, actions and mode of each.

    Names need no escapes. Actions that were never taken are left out, as Tetragon does.
    """
    counters = [(_labels(one), one.counters()) for one in entries]
    memory = [(_labels(one), one.kernel_memory_bytes) for one in entries]
    fallen = [(_labels(one), int(bool(one.fallback))) for one in entries if _can_enforce(one)]
    metrics = (
        _metric("tetragon_tracingpolicy_loaded", "gauge", "policies by state", _states(entries)),
        _metric(
            "tetragon_tracingpolicy_kernel_memory_bytes",
            "gauge",
            "memory in the kernel of one policy",
            memory,
        ),
        _metric(
            "tetragon_tracingpolicy_selector_actions_total",
            "counter",
            "actions of a policy, of all its selectors together",
            _actions(counters),
        ),
        _metric(
            "tetragon_mini_policy_enforcement_total",
            "counter",
            "attempts of a policy to enforce, and those that came to nothing",
            _outcomes(counters),
        ),
        _metric(
            "tetragon_mini_policy_fell_back",
            "gauge",
            "policies that only monitor because they killed too often",
            fallen,
        ),
    )
    return "".join(f"{line}\n" for metric in metrics for line in metric)


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    # A policy may be in several domains, which the labels do not tell apart: a series comes once.
    summed: Counter[str] = Counter()
    for labels, value in samples:
        summed[labels] += value
    for labels, value in summed.items():
        yield f"{name}{{{labels}}} {value}"


def _states(entries: Sequence[PolicyEntry]) -> Iterator[Sample]:
    counted = Counter(entry.state for entry in entries)
    for state in PolicyState:
        if state not in _PASSING:
            yield f'state="{state.value.removeprefix("TP_STATE_").lower()}"', counted[state]


def _labels(entry: PolicyEntry) -> str:
    name, namespace, _ = entry.key
    return f'policy="{name}",policy_namespace="{namespace}"'


def _can_enforce(entry: PolicyEntry) -> bool:
    return entry.mode is not PolicyMode.MONITOR_ONLY


def _actions(counters: Sequence[tuple[str, Mapping[str, int]]]) -> Iterator[Sample]:
    for labels, values in counters:
        for name, action in _ACTIONS.items():
            if value := values.get(name, 0):
                yield f'{labels},action="{action}"', value


def _outcomes(counters: Sequence[tuple[str, Mapping[str, int]]]) -> Iterator[Sample]:
    for labels, values in counters:
        for name in _OUTCOMES:
            if name in values:
                yield f'{labels},outcome="{name}"', values[name]
