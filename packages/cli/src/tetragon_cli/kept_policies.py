# SPDX-License-Identifier: Apache-2.0
"""Policies that go on enforcing without an agent: their names, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_core.errors import AlreadyRunningError, TetragonError

from .compact.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tetragon_sensors.policy.earlier import EarlierPolicy

__all__ = ["kept_names", "remove_kept"]


def kept_names(root: Path) -> list[str]:
    """As lines of text, also of an agent that lives; nothing is changed."""
    from tetragon_sensors.policy.earlier import pinned_policies  # noqa: PLC0415  # loads libbpf

    return [_name_of(policy) for policy in pinned_policies(root)]


def remove_kept(root: Path, say: Callable[[str], object], *, force: bool) -> bool:
    """Remove all, and say what; False when there is nothing. `force`: also a living agent's.

    Raises AlreadyRunningError for those, and LoadError.
    """
    from tetragon_sensors.policy.earlier import EarlierRuns  # noqa: PLC0415  # loads libbpf

    runs = EarlierRuns(root, force=force)
    try:
        if runs.living and not force:
            raise AlreadyRunningError(
                f"an agent runs that keeps policies in {root}: stop it, which removes them,"
                " or give --force"
            )
        was_there = root.is_dir()
        for policy in runs.policies():
            name = _name_of(policy)
            policy.remove()
            say(f"removed {name}")
        runs.collect()
    finally:
        runs.close()
    if was_there and not root.exists():
        say(f"removed {root}")
    return was_there


def _name_of(policy: EarlierPolicy) -> str:
    """As `tracingpolicy list` has it; its directory when nobody knows."""
    from tetragon_server.policies.records import KeepRecord  # noqa: PLC0415  # as above

    try:
        key = KeepRecord.unpacked(policy.record()).key
    except TetragonError:
        return f"what was left of {escape(policy.name)}"
    return f"policy {escape(str(key))}"
