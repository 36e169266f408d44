# SPDX-License-Identifier: Apache-2.0
"""Policies with one hook, and what its hits show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.policies import PolicyRun

__all__ = ["function", "needs_functions", "part_of", "tracepoint", "values"]

_HEAD: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: types}
spec:
"""


def _with_filters(lines: list[str], filters: tuple[str, ...]) -> str:
    wanted = ", ".join(f"{{{one}}}" for one in filters)
    return _HEAD + "\n".join([*lines, f"     selectors: [{{matchArgs: [{wanted}]}}]}}"]) + "\n"


def tracepoint(event: str, arguments: str, *filters: str, lists: str = "[]") -> str:
    """A policy with a tracepoint; `raw:EVENT` for a raw one. Arguments and filters are YAML."""
    subsystem, _, name = event.removeprefix("raw:").rpartition("/")
    raw = str(event.startswith("raw:")).lower()
    lines = [
        f"  lists: {lists}",
        "  tracepoints:",
        f"  - {{subsystem: {subsystem}, event: {name}, raw: {raw}, args: [{arguments}],",
    ]
    return _with_filters(lines, filters)


def function(call: str, arguments: str, *filters: str, more: str = "") -> str:
    """A policy with a function; a system call's name starts with sys_."""
    syscall = str(call.startswith("sys_")).lower()
    lines = [
        "  kprobes:",
        f"  - {{call: {call}, syscall: {syscall}, args: [{arguments}], {more}",
    ]
    return _with_filters(lines, filters)


def values(run: PolicyRun, text: str, action: Callable[[], object]) -> list[list[object]]:
    """The arguments' values, for each hit of the action."""
    return [[one.value for one in hit.arguments] for hit in run.hits(text, action)]


def part_of(whole: object, part: dict[str, object]) -> dict[str, object]:
    """Those items of a value whose names `part` has."""
    assert isinstance(whole, dict)
    return {name: whole[name] for name in part}


def needs_functions(run: PolicyRun, text: str) -> bool:
    """Whether programs can be attached to functions here; that they cannot is said if not."""
    abilities = run.engine.kernel.abilities
    if abilities.can_fentry or abilities.can_kprobe:
        return True
    with pytest.raises(PolicyError, match="no way to attach"), run.loaded(text):
        pass
    return False
