# SPDX-License-Identifier: Apache-2.0
"""What became of a policy on this node, as the status of its custom resource says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from .entry import LOADED, PolicyMode, PolicyState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .entry import PolicyEntry

__all__ = ["bounded", "node_status"]

_STATES: Final = {
    PolicyState.ENABLED: "loaded",
    PolicyState.PARTIALLY_ENABLED: "partial",
    PolicyState.DISABLED: "disabled",
    PolicyState.SKIPPED: "skipped",
    PolicyState.LOAD_ERROR: "error",
    PolicyState.ERROR: "error",
}
"""States that last."""
_MODES: Final = {
    PolicyMode.ENFORCE: "enforce",
    PolicyMode.MONITOR: "monitor",
    PolicyMode.MONITOR_ONLY: "monitor-only",
}
_MAX_TEXT: Final = 1024
_MAX_WARNINGS: Final = 8
"""All nodes share one object, which may have a megabyte."""
_PLACE: Final = re.compile(r"(?m)^\d+:\d+: ")
"""Line and column are those of the agent's own text; the path that follows says it better."""


def node_status(entry: PolicyEntry | None, error: str, generation: int) -> dict[str, Any] | None:
    """The entry for a node, without its name and the time; None while it is about to change.

    `error`: why this version of the policy is not used. Without `entry` there is no policy.
    """
    if entry is None:
        state = "error" if error else "disabled"
        return {"state": state, "observedGeneration": generation, **_text("error", error)}
    if entry.state not in _STATES:
        return None
    texts = [error or entry.error, entry.fallback]
    hooks = sum(hook.state == LOADED for hook in entry.hooks)
    return {
        "state": _STATES[entry.state],
        "observedGeneration": generation,
        "hooks": hooks,
        **({"hooksMissing": len(entry.hooks) - hooks} if len(entry.hooks) > hooks else {}),
        **({"mode": _MODES[entry.mode]} if entry.is_enabled else {}),
        **_text("error", "\n".join(filter(None, texts))),
        **_warnings([bounded(one) for one in entry.warnings]),
    }


def bounded(text: str) -> str:
    """Without places in a file that nobody has, and not too long."""
    text = _PLACE.sub("", text)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def _text(key: str, text: str) -> Mapping[str, str]:
    return {key: bounded(text)} if text else {}


def _warnings(texts: list[str]) -> Mapping[str, list[str]]:
    if len(texts) > _MAX_WARNINGS:
        texts = [*texts[: _MAX_WARNINGS - 1], f"and {len(texts) - _MAX_WARNINGS + 1} more"]
    return {"warnings": texts} if texts else {}
