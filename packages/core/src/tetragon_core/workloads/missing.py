# SPDX-License-Identifier: Apache-2.0
"""Cgroups that processes are in and no record told of: looked for by walks, for a while."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cgroup_table import CgroupTable

__all__ = ["MissingCgroups"]

_MAX: Final = 1024
"""That are looked for at once, and that are remembered as not to be found."""
_WALKS: Final = 2
"""Until a cgroup counts as not to be found: the first may have begun before it was made."""


class MissingCgroups:
    """One per WorkloadTable."""

    def __init__(self, cgroups: CgroupTable) -> None:
        self._cgroups = cgroups
        self._sought: dict[int, int] = {}
        """Cgroup -> how many walks may not find it yet."""
        self._unfound: OrderedDict[int, None] = OrderedDict()
        self.decided: list[Callable[[int], object]] = []
        """Called with each cgroup that was looked for, whether it is in the table now or not."""
        cgroups.settled.append(self._on_settled)

    def is_sought(self, cgroup_id: int) -> bool:
        """Whether a walk may still find a cgroup that is not in the table; asks for the walk."""
        if not cgroup_id or cgroup_id in self._cgroups or not self._cgroups.doubted:
            return False
        if cgroup_id in self._unfound or self._cgroups.get(cgroup_id) is not None:
            return False
        if cgroup_id not in self._sought:
            if len(self._sought) >= _MAX:
                return False
            self._sought[cgroup_id] = _WALKS
            self._cgroups.doubt()
        return True

    def _on_settled(self) -> None:
        sought, self._sought = self._sought, {}
        for cgroup_id, walks in sought.items():
            if self._cgroups.get(cgroup_id) is None:
                if walks > 1:
                    self._sought[cgroup_id] = walks - 1
                    continue
                self._unfound[cgroup_id] = None
                if len(self._unfound) > _MAX:
                    self._unfound.popitem(last=False)
            for tell in self.decided:
                tell(cgroup_id)
        if self._sought:
            self._cgroups.doubt()
