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


class DoubtfulCgroups:
    """Each is given out once, so that a process in it makes sources be asked once more."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[int, Cgroup | None] = OrderedDict()
        """None: it was given out."""

    def add(self, cgroup: Cgroup | None) -> None:
        """Remember one that was given up, for the first time."""
        if cgroup is None or cgroup.id in self._by_id:
            return
        self._by_id[cgroup.id] = cgroup
        if len(self._by_id) > _KEPT:
            self._by_id.popitem(last=False)

    def take(self, cgroup_id: int) -> Cgroup | None:
        """The cgroup if it is doubtful; it no longer is."""
        cgroup = self._by_id.get(cgroup_id)
        if cgroup is not None:
            self._by_id[cgroup_id] = None
        return cgroup
