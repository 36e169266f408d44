# SPDX-License-Identifier: Apache-2.0
"""Metrics of policies: their states, memory, actions, and what came of enforcement.

The labels are names of policies and of actions: as many series as there are policies, times ten.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING, Final

from tetragon_server.policies.entry import PolicyMode, PolicyState

from .family import OWN_PREFIX, Family, summed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_server.policies.entry import PolicyEntry

    from .family import Sample
    from .scrape import Scrape

__all__ = ["POLICIES"]

_PASSING: Final = frozenset({PolicyState.LOADING, PolicyState.UNLOADING})
_POLICY: Final = ("policy", "policy_namespace")
_SELECTOR: Final = ("hook", "hook_index", "selector_index", "selector_label")
_ALL_SELECTORS: Final = ("",) * len(_SELECTOR)
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


def _states(scrape: Scrape) -> Iterator[Sample]:
    counted = Tally(entry.state for entry in scrape.sources.policies())
    for state in PolicyState:
        if state not in _PASSING:
            yield (state.value.removeprefix("TP_STATE_").lower(),), counted[state]


def _memory(scrape: Scrape) -> Iterator[Sample]:
    policies = scrape.sources.policies()
    return summed((_labels(entry), entry.kernel_memory_bytes) for entry in policies)


def _actions(scrape: Scrape) -> Iterator[Sample]:
    return summed(
        ((*_labels(entry), *_ALL_SELECTORS, action), value)
        for entry, counters in scrape.policies
        for name, action in _ACTIONS.items()
        if (value := counters.get(name, 0))
    )


def _outcomes(scrape: Scrape) -> Iterator[Sample]:
    return summed(
        ((*_labels(entry), name), counters[name])
        for entry, counters in scrape.policies
        for name in _OUTCOMES
        if name in counters
    )


def _fallen(scrape: Scrape) -> Iterator[Sample]:
    return summed(
        (_labels(entry), int(bool(entry.fallback)))
        for entry in scrape.sources.policies()
        if entry.mode is not PolicyMode.MONITOR_ONLY
    )


def _labels(entry: PolicyEntry) -> tuple[str, str]:
    name, namespace, _ = entry.key
    return name, namespace


POLICIES: Final = (
    Family(
        name="tetragon_tracingpolicy_loaded",
        kind="gauge",
        text="Policies by state",
        labels=("state",),
        read=_states,
        differs="no policy is ever `skipped`",
    ),
    Family(
        name="tetragon_tracingpolicy_kernel_memory_bytes",
        kind="gauge",
        text="Memory in the kernel of one policy",
        labels=_POLICY,
        read=_memory,
    ),
    Family(
        name="tetragon_tracingpolicy_selector_actions_total",
        kind="counter",
        text="Actions of a policy; those that were never taken are left out",
        labels=(*_POLICY, *_SELECTOR, "action"),
        read=_actions,
        differs="of all hooks and selectors together: their labels are empty",
    ),
    Family(
        name=f"{OWN_PREFIX}policy_enforcement_total",
        kind="counter",
        text="Attempts of a policy to enforce, and those that came to nothing",
        labels=(*_POLICY, "outcome"),
        read=_outcomes,
    ),
    Family(
        name=f"{OWN_PREFIX}policy_fell_back",
        kind="gauge",
        text="Policies that only monitor because they killed too often",
        labels=_POLICY,
        read=_fallen,
    ),
)
