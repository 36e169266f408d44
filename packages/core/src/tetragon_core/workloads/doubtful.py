# SPDX-License-Identifier: Apache-2.0
"""Cgroups that might have been a container's, and that nobody told of in time.

A runtime can be slower than anybody waits for it: on a busy host there may be seconds between the
cgroup and what the runtime writes about it. The container's first process only comes after both.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .cgroup_table import Cgroup

__all__ = ["DoubtfulCgroups"]

_KEPT: Final = 4096
_TIMES: Final = 8
"""The runtime's own processes come first: runc has two in the cgroup before the container's."""


class DoubtfulCgroups:
    """Each is given out eight times, so that processes in it make sources be asked again."""

    def __init__(self) -> None:
        self._times: OrderedDict[int, int] = OrderedDict()
        """Id of cgroup → how often it was given out."""
        self._cgroups: dict[int, Cgroup] = {}

    def add(self, cgroup: Cgroup | None) -> None:
        """Remember one that was given up, unless it is known here already or older than us."""
        if cgroup is None or cgroup.is_old or cgroup.id in self._times:
            return
        self._times[cgroup.id] = 0
        self._cgroups[cgroup.id] = cgroup
        if len(self._times) > _KEPT:
            oldest, _ = self._times.popitem(last=False)
            self._cgroups.pop(oldest, None)

    def take(self, cgroup_id: int) -> Cgroup | None:
        """The cgroup, as long as it is doubtful."""
        cgroup = self._cgroups.get(cgroup_id)
        if cgroup is not None:
            self._times[cgroup_id] += 1
            if self._times[cgroup_id] == _TIMES:
                del self._cgroups[cgroup_id]
        return cgroup
