# SPDX-License-Identifier: Apache-2.0
"""Policies as Prometheus text, under Tetragon's names for dashboards that have them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from .entry import PolicyState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import PolicyEntry

__all__ = ["policy_metrics"]

_LOADED: Final = "tetragon_tracingpolicy_loaded"
_MEMORY: Final = "tetragon_tracingpolicy_kernel_memory_bytes"
_PASSING: Final = frozenset({PolicyState.LOADING, PolicyState.UNLOADING})


def policy_metrics(entries: Sequence[PolicyEntry]) -> str:
    """How many policies are in each state, and the memory of each. Names need no escapes."""
    counted = Counter(entry.state for entry in entries)
    lines = [f"# HELP {_LOADED} policies by state", f"# TYPE {_LOADED} gauge"]
    for state in PolicyState:
        if state not in _PASSING:
            name = state.value.removeprefix("TP_STATE_").lower()
            lines.append(f'{_LOADED}{{state="{name}"}} {counted[state]}')
    lines += [f"# HELP {_MEMORY} memory in the kernel of one policy", f"# TYPE {_MEMORY} gauge"]
    for entry in entries:
        name, namespace, _ = entry.key
        labels = f'policy="{name}",policy_namespace="{namespace}"'
        lines.append(f"{_MEMORY}{{{labels}}} {entry.kernel_memory_bytes}")
    return "\n".join(lines) + "\n"
