# SPDX-License-Identifier: Apache-2.0
"""Kernels with the types of the running one, and abilities and a release of the test's choice."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.abilities import METHODS, Ability
from tetragon_sensors.kernel.assumed import AssumedAbilities
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.kernel.tracefs import Event, Field, TracefsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon_sensors.kernel.tracefs import Tracefs

__all__ = ["MODIFY_CALLS", "OLD", "PREEMPTING", "made_up"]

OLD: Final = "6.12.0"
PREEMPTING: Final = "7.0.0"
MODIFY_CALLS: Final = "modify.calls"
"""A kernel with it lets programs decide what system calls return."""
_TYPES: Final = Path("/sys/kernel/btf/vmlinux")


class _Abilities(AssumedAbilities):
    def __init__(self, kernel: Kernel, lacking: frozenset[str]) -> None:
        super().__init__(kernel.btf)
        self._lacking = lacking

    @functools.cache  # noqa: B019  (as in Abilities)
    def method(self, name: str) -> Ability:
        assert name in METHODS
        return Ability(name not in self._lacking, f"no {name}" if name in self._lacking else "")

    @functools.cache  # noqa: B019  (as in Abilities)
    def can_modify(self, function: str) -> Ability:
        if not self.can_fmod_ret or function.startswith("security_"):
            return self.can_fmod_ret
        lacks = MODIFY_CALLS in self._lacking
        return Ability(allowed=not lacks, reason="no error injection" if lacks else "")


class _Tracepoints:
    """All of them, of system calls with two arguments."""

    def event(self, subsystem: str, name: str) -> Event:
        if subsystem not in {"syscalls", "raw_syscalls"}:
            raise TracefsError(f"there is no {subsystem}/{name}")
        word = functools.partial(
            Field,
            type_text="long",
            size=8,
            signed=True,
            is_array=False,
            is_data_loc=False,
            is_rel_loc=False,
        )
        fields = tuple(word(name=one, offset=8 + 8 * at) for at, one in enumerate(("id", "a", "b")))
        return Event(subsystem, name, 1, fields)


def made_up(release: str = OLD, *, lacking: Iterable[str] = ()) -> Kernel:
    """A kernel of that release without some of METHODS or MODIFY_CALLS."""
    kernel = Kernel(
        release=release,
        arch=_whole().arch,
        btf=_whole().btf,
        symbols=_whole().symbols,
        abilities=_whole().abilities,
        is_running=False,
    )
    kernel.abilities = _Abilities(kernel, frozenset(lacking))
    tracepoints: Tracefs = _Tracepoints()  # type: ignore[assignment]  # all that is asked of it
    kernel.__dict__["tracefs"] = tracepoints
    return kernel


@functools.cache
def _whole() -> Kernel:
    return Kernel.from_btf(_TYPES)
