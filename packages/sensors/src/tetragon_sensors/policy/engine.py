# SPDX-License-Identifier: Apache-2.0
"""Loads policies: plans them, makes their programs, attaches them, and takes it all back."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.procfs import ProcScanner
from tetragon_sensors.kernel.attachments import (
    attach_kprobe,
    attach_kprobe_multi,
    attach_raw_tracepoint,
    attach_tracepoint,
    attach_trampoline,
    join,
)
from tetragon_sensors.kernel.calls import AttachKind
from tetragon_sensors.kernel.maps import MapFlag, MapKind, MapSpec, create_map
from tetragon_sensors.kernel.programs import ProgramKind

from .check import make_plan
from .emitter import COUNTERS, SCRATCH_SLOTS, Environment
from .hits import HitDecoder
from .hookprogram import build_program
from .hostnamespaces import check_host, known_host
from .loading import load_linked
from .plan import Method, Timing
from .record import KIND_HIT, SCRATCH_BYTES
from .requests import refuse_requests
from .rest import KIND_REST
from .tracking import ProcessTracking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tetragon_core.messages import Namespaces
    from tetragon_core.network_requests import NetworkRequest
    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.problems import Problem
    from tetragon_sensors.base import BaseSensor
    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.facts import Kernel
    from tetragon_sensors.kernel.programs import Program

    from .plan import HookPlan, Plan

__all__ = ["Engine", "HookStatus", "LoadedPolicy"]

_PENDING: Final = 4096
"""Calls of all hooks that have been entered and not returned from."""
_KINDS: Final = {
    Method.FENTRY: (ProgramKind.TRACING, AttachKind.TRACE_FENTRY),
    Method.FEXIT: (ProgramKind.TRACING, AttachKind.TRACE_FEXIT),
    Method.KPROBE: (ProgramKind.KPROBE, AttachKind.NONE),
    Method.KRETPROBE: (ProgramKind.KPROBE, AttachKind.NONE),
    Method.KPROBE_MULTI: (ProgramKind.KPROBE, AttachKind.KPROBE_MULTI),
    Method.KRETPROBE_MULTI: (ProgramKind.KPROBE, AttachKind.KPROBE_MULTI),
    Method.TRACEPOINT: (ProgramKind.TRACEPOINT, AttachKind.NONE),
    Method.RAW_TRACEPOINT: (ProgramKind.RAW_TRACEPOINT, AttachKind.NONE),
}


@dataclass(frozen=True, slots=True)
class HookStatus:
    """One place a policy watches."""

    name: str
    """Symbol, `subsystem/event`, or raw tracepoint."""
    method: str
    state: str = "loaded"


class Engine:
    """One per agent, beside the base sensor whose ring and process table it shares."""

    def __init__(
        self,
        base: BaseSensor,
        kernel: Kernel,
        host_namespaces: Namespaces | None = None,
        ask: Callable[[NetworkRequest], None] | None = None,
    ) -> None:
        """`ask` sends what hits ask for; policies that need it are refused without.

        Raises LoadError when the shared maps cannot be made.
        """
        self.kernel = kernel
        self._may_ask = ask is not None
        self.decoder = HitDecoder(kernel.symbols, ask)
        self._host = known_host(host_namespaces or ProcScanner().host_namespaces())
        self._numbers = count(1)
        self._stack = ExitStack()
        maps = {name: base.map_fd(name) for name in ("ring", "processes")}
        for spec in _shared_maps():
            made = self._stack.enter_context(create_map(spec))
            maps[spec.name] = made.fd
            if spec.flags & MapFlag.MMAPABLE:
                self._counts = made.memory()
        self._maps = maps
        base.decoders[KIND_HIT] = self.decoder.decode
        base.decoders[KIND_REST] = self.decoder.decode_rest

    def load(self, policy: Policy) -> LoadedPolicy:
        """Attach a policy; it reports when this returns.

        Raises PolicyError with all that is wrong, or LoadError or PermissionDeniedError.
        """
        if not self._may_ask:
            refuse_requests(policy)
        plan = make_plan(policy, self.kernel, self._numbers)
        check_host(policy, self._host)
        loaded = LoadedPolicy(plan, self)
        try:
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
        )

    def load_program(self, hook: HookPlan, maps: Mapping[str, int]) -> Program:
        """Generate and load. Raises LoadError with the verifier's log."""
        linked = build_program(hook, self.environment(hook, maps), self._host)
        kind, attach = _KINDS[hook.method]
        return load_linked(linked, kind, "hook", attach, hook.targets[0].type_id)

    def attach(self, hook: HookPlan, program: Program) -> Attachment:
        """At all its targets. Raises LoadError."""
        on_return = hook.timing is Timing.RETURN_HALF
        match hook.method:
            case Method.FENTRY | Method.FEXIT:
                return attach_trampoline(program, function=hook.targets[0].symbol)
            case Method.RAW_TRACEPOINT:
                return attach_raw_tracepoint(program, hook.targets[0].info.tracepoint)
            case Method.KPROBE_MULTI | Method.KRETPROBE_MULTI:
                symbols = [target.symbol for target in hook.targets]
                cookies = range(len(symbols)) if hook.uses_cookie else ()
                return attach_kprobe_multi(program, symbols, on_return=on_return, cookies=cookies)
            case Method.KPROBE | Method.KRETPROBE:
                return join(
                    [
                        attach_kprobe(program, target.symbol, on_return=on_return, cookie=number)
                        for number, target in enumerate(hook.targets)
                    ]
                )
            case Method.TRACEPOINT:
                return join(
                    [
                        attach_tracepoint(
                            program,
                            target.tracepoint_id or self._syscall(target.symbol, on_return),
                            number,
                        )
                        for number, target in enumerate(hook.targets)
                    ]
                )

    def _syscall(self, symbol: str, on_return: bool) -> int:  # noqa: FBT001  internal
        name = symbol.split("sys_", 1)[1]
        event = f"sys_{'exit' if on_return else 'enter'}_{name}"
        return self.kernel.tracefs.event("syscalls", event).event_id

    def close(self) -> None:
        """Give up the shared maps; policies have to be closed before."""
        self._stack.close()


def _shared_maps() -> tuple[MapSpec, ...]:
    return (
        MapSpec(
            kind=MapKind.PERCPU_ARRAY,
            value_bytes=(SCRATCH_BYTES + 7) // 8 * 8,
            max_entries=SCRATCH_SLOTS,
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
    )


class LoadedPolicy:
    """A policy in the kernel."""

    def __init__(self, plan: Plan, engine: Engine) -> None:
        """Load all its programs; enable() attaches them. Raises LoadError."""
        self.plan = plan
        self._engine = engine
        self._attachments: list[Attachment] = []
        self._programs: list[tuple[HookPlan, Program]] = []
        self._tracking = ProcessTracking(plan, may_allocate=engine.kernel.version >= (6, 1))
        try:
            maps = self._tracking.descriptors
            self._tracking.load(engine.environment(plan, maps))
            for hook in plan.hooks:
                self._programs.append((hook, engine.load_program(hook, maps)))
        except BaseException:
            self.close()
            raise

    @property
    def hooks(self) -> Sequence[HookStatus]:
        """Where it is attached, and how."""
        found = [
            HookStatus(target.symbol, hook.method.value)
            for hook in self.plan.hooks
            for target in hook.targets
            if not hook.is_return_half
        ]
        found += [HookStatus(name, "", "call not found") for name in self.plan.skipped]
        return found + [HookStatus(name, "", "not possible here") for name in self.plan.impossible]

    @property
    def warnings(self) -> Sequence[Problem]:
        """What its author should know."""
        return self.plan.warnings

    @property
    def kernel_memory_bytes(self) -> int:
        """Of its programs and maps, as the kernel accounts it."""
        own = sum(_memlock(program.fd) for _, program in self._programs)
        return own + sum(map(_memlock, self._tracking.fds))

    def enable(self) -> None:
        """Attach everything, or nothing. Raises LoadError."""
        if self._attachments:
            return
        self._engine.decoder.add(self.plan.hooks)
        try:
            self._tracking.start()
            for hook, program in self._programs:
                self._attachments.append(self._engine.attach(hook, program))
        except BaseException:
            self.disable()
            raise

    def disable(self) -> None:
        """Detach; enable() attaches again."""
        for attachment in self._attachments:
            attachment.close()
        self._attachments.clear()
        self._tracking.stop()
        self._engine.decoder.remove(self.plan.hooks)

    def counters(self) -> Mapping[str, int]:
        """`posted`: hits; `missed`: those the kernel did not run a program for."""
        missed = sum(program.info().recursion_misses for _, program in self._programs)
        missed += sum(attachment.missed() or 0 for attachment in self._attachments)
        hooks = {target.hook for hook in self.plan.hooks for target in hook.targets}
        posted = sum(self._engine.decoder.posted[hook] for hook in hooks)
        return {"posted": posted, "missed": missed}

    def close(self) -> None:
        """Detach and unload; idempotent."""
        self.disable()
        for _, program in self._programs:
            program.close()
        self._programs.clear()
        self._tracking.close()


def _memlock(fd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii").splitlines():
        if line.startswith("memlock:"):
            return int(line.split()[1])
    return 0
