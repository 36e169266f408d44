# SPDX-License-Identifier: Apache-2.0
"""What filters may ask for. Apart from `filters`, which is loaded when somebody filters."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FilterRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRules:
    """What filters may ask for, by the settings of the agent whose events they see; by default
    those of requests to an agent without options.
    """

    with_process_cred: bool = False
    """Events have capabilities."""
    ancestors: frozenset[str] = frozenset()
    """Words of --enable-ancestors in effect."""
    allow_pid_set: bool = True
    """Tetragon refuses it in the export options only."""
