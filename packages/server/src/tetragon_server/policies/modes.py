# SPDX-License-Identifier: Apache-2.0
"""Which mode a new version of a policy gets: its file's, or the one somebody chose meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tetragon_core.enforcement import MODE_OPTION
from tetragon_core.policy.nodes import Text

from .entry import PolicyMode

if TYPE_CHECKING:
    from tetragon_core.policy.model import Policy

    from .entry import PolicyEntry

__all__ = ["kept_mode", "with_mode"]


def kept_mode(old: PolicyEntry, new: Policy) -> PolicyMode | None:
    """The mode that was set by hand, unless the new version asks for another than the old one did.

    A policy that somebody has made harmless must not become sharp by an edit of its message.
    """
    options = old.policy.spec.options.get(MODE_OPTION), new.spec.options.get(MODE_OPTION)
    return old.chosen_mode if options[0] == options[1] else None


def with_mode(policy: Policy, mode: PolicyMode | None) -> Policy:
    """The policy as if it asked for this mode; None: as it is."""
    if mode is None:
        return policy
    value = Text("monitor" if mode is PolicyMode.MONITOR else "enforce")
    options = {**policy.spec.options, MODE_OPTION: value}
    return replace(policy, spec=replace(policy.spec, options=options))
