# SPDX-License-Identifier: Apache-2.0
"""Loads policies: what they share in the kernel, and the making of their programs."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Final

from tetragon_core.enforcement import asks_to_monitor
from tetragon_core.errors import LoadError
from tetragon_core.policy.workload_filters import describe_filter, filters_of
from tetragon_core.procfs import ProcScanner
from tetragon_sensors.kernel.maps import MapFlag, MapKind, MapSpec, create_map

from .acting import PROTECTED
from .check import NO_LIMITS, make_plan
from .emitter import COUNTERS, Environment
from .guarding import ACTED_MAP
from .hits import HitDecoder
from .hookprogram import build_program
from .hostnamespaces import check_host, known_host
from .keeping import KEEP_ROOT, KeepingPlace
from .loaded import LoadedPolicy
from .loading import load_linked
from .placing import PROGRAM_KINDS, attach_hook
from .protected import protect
from .record import KIND_HIT, SCRATCH_BYTES
from .requests import refuse_requests
from .rest import KIND_REST
from .workloads import HOMES, MEMBERS, WorkloadMembers, members_map

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tetragon_core.enforcement import EnforcementLimits
    from tetragon_core.hooks import HookEvent
    from tetragon_core.messages import Namespaces
    from tetragon_core.network_requests import NetworkRequest
    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.workload_filters import WorkloadFilter
    from tetragon_sensors.base import BaseSensor
    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.facts import Kernel
    from tetragon_sensors.kernel.programs import Program

    from .plan import HookPlan, Plan

__all__ = ["Engine"]

NO_FILTERS: Final[dict[WorkloadFilter, int]] = {}
_PENDING: Final = 4096
"""Calls of all hooks that have been entered and not returned from."""
_PROTECTED: Final = 1024
_SLOTS: Final = 2
"""Scratch buffers a CPU has: a second program may run while the first is interrupted."""
_PREEMPTED_SLOTS: Final = 8
"""Where tasks can be preempted in programs, several may be under way on one CPU."""


class Engine:
    """One per agent, beside the base sensor whose ring and process table it shares."""

    def __init__(
        self,
        base: BaseSensor,
        kernel: Kernel,
        host_namespaces: Namespaces | None = None,
        ask: Callable[[NetworkRequest], None] | None = None,
        limits: EnforcementLimits = NO_LIMITS,
        keep_root: Path = KEEP_ROOT,
    ) -> None:
        """`ask` sends what hits ask for; policies that need it are refused without.

        Policies that are to outlive the agent are pinned below `keep_root`.
        Raises LoadError when the shared maps cannot be made.
        """
        self.base = base
        self.kernel = kernel
        self._may_ask = ask is not None
        self.decoder = HitDecoder(kernel.symbols, ask)
        self._host = known_host(host_namespaces or ProcScanner().host_namespaces())
        self._numbers = count(1)
        self._stack = ExitStack()
        maps = {name: base.map_fd(name) for name in ("ring", "processes")}
        self.limits = limits
        self._scratch_slots = _PREEMPTED_SLOTS if kernel.preempts_programs else _SLOTS
        guards = [ACTED_MAP] if kernel.preemption_functions else []
        for spec in (*_shared_maps(self._scratch_slots), *guards):
            made = self._stack.enter_context(create_map(spec))
            maps[spec.name] = made.fd
            if spec.name == PROTECTED:
                protect(made, limits.never_kill_pids)
            if spec.flags & MapFlag.MMAPABLE:
                self._counts = made.memory()
        self._maps = maps
        self._members: WorkloadMembers | None = None
        shared = {name: maps[name] for name in ("ring", "hook_counters", PROTECTED)}
        self.place = KeepingPlace(keep_root, shared)
        self._stack.callback(self.place.close)
        base.decoders[KIND_HIT] = self.decoder.decode
        base.decoders[KIND_REST] = self.decoder.decode_rest

    def members(self) -> WorkloadMembers:
        """What policies' filters by workload are answered with; made when it is first wanted.

        Raises LoadError.
        """
        if self._members is None:
            spec = members_map(may_allocate=self.kernel.version >= (6, 1))
            made = self._stack.enter_context(create_map(spec))
            self._maps[MEMBERS] = made.fd
            self._maps[HOMES] = self.base.map_fd(HOMES)
            self._members = WorkloadMembers(made)
        return self._members

    def load(
        self, policy: Policy, filters: Mapping[WorkloadFilter, int] = NO_FILTERS
    ) -> LoadedPolicy:
        """Attach a policy; it reports when this returns.

        `filters`: the numbers that each filter by workload has in members(), from now on.
        Raises PolicyError with all that is wrong, or LoadError or PermissionDeniedError.
        """
        if not self._may_ask:
            refuse_requests(policy)
        missing = [one for one in filters_of(policy) if one not in filters]
        if missing:
            raise LoadError(f"nobody answers which are {describe_filter(missing[0])}")
        plan = make_plan(policy, self.kernel, self._numbers, self.limits, filters)
        if plan.gates:
            self.members()
        check_host(policy, self._host)
        loaded = LoadedPolicy(plan, self, max_kills=self.limits.kill_limit(policy))
        try:
            loaded.set_monitor(asks_to_monitor(policy))
            loaded.enable()
        except BaseException:
            loaded.close()
            raise
        return loaded

    def counters(self) -> Mapping[str, int]:
        """Losses of all policies' programs, by the names in COUNTERS, and `ORPHANED` records."""
        values = struct.unpack_from(f"<{len(COUNTERS)}Q", self._counts)
        found = dict(zip(COUNTERS, values, strict=True))
        found["RETURN_LOST"] += self.decoder.given_up
        found["ORPHANED"] = self.decoder.unknown
        return found

    def received(self) -> Mapping[HookEvent, int]:
        """Hits of all policies so far, also of those that are gone, by type."""
        return self.decoder.received()

    def environment(self, plan: HookPlan | Plan, maps: Mapping[str, int]) -> Environment:
        """What programs are generated for: a hook's, or those that keep a policy's tables.

        `maps` are the policy's own.
        """
        return Environment(
            btf=self.kernel.btf,
            maps={**self._maps, **maps},
            has_exchange=self.kernel.version >= (5, 12),
            cookie=getattr(plan, "uses_cookie", False),
            tables=plan.tables,
            scratch_slots=self._scratch_slots,
            controller=self.base.controller,
            preemption=self.kernel.preemption_functions,
        )

    def load_program(self, hook: HookPlan, maps: Mapping[str, int]) -> Program:
        """Generate and load. Raises LoadError with the verifier's log."""
        linked = build_program(hook, self.environment(hook, maps), self._host)
        kind, attach = PROGRAM_KINDS[hook.method]
        return load_linked(
            linked, kind, "hook", attach, hook.targets[0].type_id, sleeps=hook.sleeps
        )

    def attach(self, hook: HookPlan, program: Program) -> Attachment:
        """At all its targets. Raises LoadError."""
        return attach_hook(hook, program, self.kernel)

    def close(self) -> None:
        """Give up the shared maps; policies have to be closed before."""
        self._stack.close()


def _shared_maps(scratch_slots: int) -> tuple[MapSpec, ...]:
    return (
        MapSpec(
            kind=MapKind.PERCPU_ARRAY,
            value_bytes=(SCRATCH_BYTES + 7) // 8 * 8,
            max_entries=scratch_slots,
            name="scratch",
        ),
        MapSpec(
            kind=MapKind.ARRAY,
            value_bytes=8 * len(COUNTERS),
            name="hook_counters",
            flags=MapFlag.MMAPABLE,
        ),
        MapSpec(
            kind=MapKind.HASH, key_bytes=16, value_bytes=24, max_entries=_PENDING, name="pending"
        ),
        MapSpec(kind=MapKind.HASH, value_bytes=8, max_entries=_PROTECTED, name=PROTECTED),
    )
