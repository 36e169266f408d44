# SPDX-License-Identifier: Apache-2.0
"""Which containers each policy is for: answered when something is learned, for programs to look up.

Everything happens in the event loop's thread and at once: when WorkloadTable.learn() returns, the
kernel knows which policies the container is selected by. Nothing is attached before all containers
that are there have been looked at for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError
from tetragon_core.policy.workload_filters import describe_filter, filters_of, main_filter
from tetragon_core.stats import Counter
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.known import RUNTIMES
from tetragon_core.workloads.table import WorkloadTable

from .workload_matching import compile_filter, never_matches, traits_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.workload_filters import WorkloadFilter
    from tetragon_core.workloads.cgroup_table import Cgroup

    from .engine import WorkloadMembers
    from .workload_matching import Traits

__all__ = ["MAX_FILTERS", "WorkloadFilters"]

_log = logging.getLogger(__name__)

MAX_FILTERS: Final = 512
"""As many as the programs have bits for (tetragon_sensors.policy.workloads)."""
_SLICE: Final = 500
"""Containers looked at in one go: some 10 ms."""
_DISABLED: Final = (
    "policyfilter is disabled: the policy is for some workloads only, and the agent runs with"
    " --enable-policy-filter=false"
)
_NO_NAMESPACE: Final = (
    "the namespace {namespace} is ignored, because the agent is not connected to Kubernetes: the"
    " policy is for {whom}; without Kubernetes namespaces are names of runtimes: "
    + ", ".join(RUNTIMES)
)


@dataclass(slots=True)
class _Numbered:
    """One filter, of however many policies and selectors."""

    number: int
    means: Callable[[Traits], bool]
    users: int = 0


class WorkloadFilters:
    """One per agent."""

    def __init__(
        self,
        table: WorkloadTable | None = None,
        *,
        is_enabled: bool = True,
        is_logged: bool = False,
    ) -> None:
        """`table`: by default that of a host without containers. `is_enabled`: else policies that
        need it are refused. `is_logged`: each change is.
        """
        self._table = table = WorkloadTable(CgroupTable()) if table is None else table
        self._is_enabled = is_enabled
        self._is_logged = is_logged
        self._members: WorkloadMembers | None = None
        self._filters: dict[WorkloadFilter, _Numbered] = {}
        self._bits: dict[int, int] = {}
        """Cgroup of a container -> numbers of its filters, as the kernel has them."""
        self._last = -1
        self._refused = 0
        self._news = asyncio.Event()
        table.changed.append(self._on_changed)
        table.gone.append(self._on_gone)

    def __len__(self) -> int:
        return len(self._filters)

    async def claim(
        self, policy: Policy, open_members: Callable[[], Awaitable[WorkloadMembers]]
    ) -> Mapping[WorkloadFilter, int]:
        """Numbers of the policy's filters, which hold for all containers that are there.

        Raises TetragonError when there are too many filters or containers; give them back with
        release().
        """
        wanted = filters_of(policy)
        if not wanted:
            return {}
        if not self._is_enabled:
            raise UsageError(_DISABLED)
        if self._members is None:
            self._members = await open_members()
        fresh = [one for one in wanted if one not in self._filters]
        if len(self._filters) + len(fresh) > MAX_FILTERS:
            raise UsageError(
                f"policies have {len(self._filters)} different filters by workload, and this one"
                f" {len(fresh)} more; at most {MAX_FILTERS} are possible"
            )
        for one in fresh:
            self._filters[one] = _Numbered(self._free_number(), compile_filter(one))
        numbers = {one: self._filters[one].number for one in wanted}
        for one in wanted:
            self._filters[one].users += 1
        try:
            await self._look_at_all([self._filters[one] for one in fresh])
        except TetragonError:
            self.release(numbers)
            raise
        return numbers

    async def await_known(self, limit_s: float) -> None:
        """Return when nobody is expected to tell more of any container, or after that time."""
        table = self._table
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not all(table.is_certain(home.id) for home in table.homes()):
                    self._news.clear()
                    await self._news.wait()

    def release(self, numbers: Mapping[WorkloadFilter, int]) -> None:
        """Give up numbers that no program uses any more."""
        mask = 0
        for one in numbers:
            numbered = self._filters[one]
            numbered.users -= 1
            if not numbered.users:
                del self._filters[one]
                mask |= 1 << numbered.number
        changes = [(home, bits & ~mask) for home, bits in self._bits.items() if bits & mask]
        try:
            self._write(changes)
        except TetragonError as error:  # a number that comes again is written anew
            _log.warning("containers cannot be unselected", extra={"attrs": {"error": error}})

    def meant(self, policy: Policy) -> Policy:
        """The policy as it is meant on this host: without Kubernetes there are no pods of a
        namespace but the stand-ins of runtimes, and Tetragon loads such a policy for everything.
        """
        is_namespaced = self._table.is_kubernetes or policy.namespace in {"", *RUNTIMES}
        return policy if is_namespaced else replace(policy, selects_namespace=False)

    def warnings(self, policy: Policy) -> Sequence[str]:
        """What its author should know: a namespace without pods, and filters that no container
        may ever fulfil.
        """
        with_kubernetes = self._table.is_kubernetes
        meant = self.meant(policy)
        found = [
            f"probably nothing is selected ({describe_filter(one)}): {reason}"
            for one in filters_of(meant)
            if (reason := never_matches(one, with_kubernetes=with_kubernetes))
        ]
        if not meant.selects_namespace:
            whom = describe_filter(main_filter(meant))
            found.insert(0, _NO_NAMESPACE.format(namespace=policy.namespace, whom=whom))
        return found

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        return {Counter.POLICY_MEMBERS_REFUSED: self._refused}

    def _free_number(self) -> int:
        """Not the one that was given up last: a program may still be on its way out."""
        taken = {one.number for one in self._filters.values()}
        while True:
            self._last = (self._last + 1) % MAX_FILTERS
            if self._last not in taken:
                return self._last

    async def _look_at_all(self, fresh: Sequence[_Numbered]) -> None:
        """In slices, so that events go on. Raises TetragonError; then the kernel has some of it."""
        if not fresh:
            return
        others = ~sum(1 << one.number for one in fresh)
        homes = {home.id: home for home in self._table.homes()}
        numbers = [*homes, *(self._bits.keys() - homes)]
        for at in range(0, len(numbers), _SLICE):
            changes = []
            for number in numbers[at : at + _SLICE]:
                old, home = self._bits.get(number, 0), homes.get(number)
                bits = old & others | (self._bits_of(home, fresh) if home is not None else 0)
                if bits != old:
                    changes.append((number, bits))
            self._write(changes)
            await asyncio.sleep(0)

    def _bits_of(self, cgroup: Cgroup, several: Iterable[_Numbered]) -> int:
        """Of what is no container's own cgroup, or is gone, none."""
        table = self._table
        home = table.home(cgroup.id) if cgroup.id in table.cgroups else None
        if home is None or home.id != cgroup.id:
            return 0
        traits = traits_of(
            table.best(cgroup.id),
            is_certain=table.is_certain(cgroup.id),
            with_kubernetes=table.is_kubernetes,
        )
        return sum(1 << one.number for one in several if one.means(traits))

    def _on_changed(self, cgroup: Cgroup) -> None:
        self._news.set()
        if self._filters:
            self._change(cgroup, self._bits_of(cgroup, self._filters.values()))

    def _on_gone(self, cgroup: Cgroup) -> None:
        self._news.set()
        self._change(cgroup, 0)

    def _change(self, cgroup: Cgroup, bits: int) -> None:
        if bits == self._bits.get(cgroup.id, 0):
            return
        if self._is_logged:
            attrs = {"cgroup": cgroup.path, "id": cgroup.id, "filters": _numbers(bits)}
            _log.info("filters of policies for a container", extra={"attrs": attrs})
        try:
            self._write([(cgroup.id, bits)])
        except TetragonError as error:
            if not self._refused:
                attrs = {"cgroup": cgroup.path, "error": error}
                _log.error("a container is left out by policies", extra={"attrs": attrs})
            self._refused += 1

    def _write(self, changes: Sequence[tuple[int, int]]) -> None:
        if self._members is None or not changes:
            return
        more = sum(1 for home, bits in changes if bits and home not in self._bits)
        if more and len(self._bits) + more > self._members.room:
            raise UsageError(
                f"{len(self._bits) + more} containers would be selected by policies; this kernel's"
                f" table has room for {self._members.room}"
            )
        try:
            self._members.write(changes)
        except TetragonError:
            if len(changes) > 1:  # some may be there, to be cleared later
                self._note(changes)
            raise
        self._note(changes)

    def _note(self, changes: Sequence[tuple[int, int]]) -> None:
        for home, bits in changes:
            if bits:
                self._bits[home] = bits
            else:
                self._bits.pop(home, None)


def _numbers(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]
