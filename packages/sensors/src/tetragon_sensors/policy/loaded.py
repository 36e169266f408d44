# SPDX-License-Identifier: Apache-2.0
"""A policy in the kernel: its programs, what they are attached to, its mode and its counters."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core.errors import LoadError
from tetragon_sensors.kernel.attachments import Attachment
from tetragon_sensors.kernel.maps import create_map

from .acting import VERDICTS
from .loader import watch_loads
from .plan import Timing
from .runs import runs_of_hook, runs_of_upkeep
from .state import STATE, STATE_MAP, PolicyState
from .tracking import ProcessTracking
from .verdicts import await_denials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tetragon_core.policy.problems import Problem
    from tetragon_core.program_runs import ProgramRuns
    from tetragon_sensors.kernel.programs import Program

    from .engine import Engine
    from .keeping import KeptPolicy
    from .plan import HookPlan, Plan

__all__ = ["HookStatus", "LoadedPolicy"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HookStatus:
    """One place a policy watches."""

    name: str
    """Symbol, `subsystem/event`, or raw tracepoint."""
    method: str
    state: str = "loaded"


class LoadedPolicy:
    """A policy in the kernel."""

    def __init__(self, plan: Plan, engine: Engine, *, max_kills: int = 0) -> None:
        """Load all its programs; enable() attaches them. Raises LoadError.

        `max_kills`: signals in a minute after which it only monitors; 0: any number.
        """
        self.plan = plan
        self._engine = engine
        self._attachments: list[Attachment] = []
        self._programs: list[tuple[HookPlan, Program]] = []
        self._tracking = ProcessTracking(plan, may_allocate=engine.kernel.version >= (6, 1))
        self._state: PolicyState | None = None
        self._kept: KeptPolicy | None = None
        try:
            maps = dict(self._tracking.descriptors)
            if plan.enforces:
                self._state_map = create_map(STATE_MAP)
                self._state = PolicyState(self._state_map)
                self._state.set_max_kills(max_kills)
                maps[STATE] = self._state_map.fd
            self._tracking.load(engine.environment(plan, maps))
            self._maps = maps
            self._load_programs()
        except BaseException:
            self.close()
            raise

    def _load_programs(self) -> None:
        self._may_attach = True
        for hook in self.plan.hooks:
            with self._unguarded_at_worst(hook):
                self._programs.append((hook, self._engine.load_program(hook, self._maps)))

    @contextmanager
    def _unguarded_at_worst(self, hook: HookPlan) -> Iterator[None]:
        """A guard that cannot be had is no reason to refuse the policy.

        There is room for 38 programs at a function (BPF_MAX_TRAMP_LINKS), of all policies together.
        """
        try:
            yield
        except LoadError as error:
            if not hook.is_guard:
                raise
            name, symbol = self.plan.policy_name, hook.targets[0].symbol
            _log.warning("policy %s: %s has a guard less: %s", name, symbol, error)

    def _reload_programs(self) -> None:
        """Before kernel 5.13 a trampoline takes no program that was attached before (f3a95075)."""
        if not self._may_attach:
            for _, program in self._programs:
                program.close()
            self._programs.clear()
            self._load_programs()
        self._may_attach = self._engine.kernel.version >= (5, 13)

    @property
    def hooks(self) -> Sequence[HookStatus]:
        """Where it is attached, and how."""
        places = [
            HookStatus(target.symbol, _method(hook))
            for hook in self.plan.hooks
            for target in hook.targets
            if not (hook.is_return_half or hook.is_silent)
        ]
        found = list(dict.fromkeys(places))  # sites of a USDT probe have one name
        loader = self.plan.loader
        if loader is not None and not loader.mark:
            found.append(HookStatus(loader.name, loader.method))
        found += [HookStatus(name, "", "call not found") for name in self.plan.skipped]
        found += [HookStatus(name, "", "digest rejected") for name in self.plan.rejected]
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

    @property
    def filter_numbers(self) -> Sequence[int]:
        """Of its filters by workload, as members() has them."""
        return self.plan.gates.numbers

    @property
    def enforces(self) -> bool:
        """Whether it does more than to report, unless it only monitors."""
        return self.plan.enforces

    @property
    def is_monitored(self) -> bool:
        """Whether its actions are counted and not taken; so it is if it has none."""
        return self._state is None or self._state.is_monitored

    @property
    def fell_back(self) -> bool:
        """Whether it went over to monitoring by itself, after too many kills."""
        return self._state is not None and self._state.fell_back

    def set_monitor(self, on: bool) -> None:  # noqa: FBT001  the protocol of the server
        """Switch the mode; the next hit sees it."""
        if self._state is not None:
            self._state.set_monitor(on=on)

    def enable(self) -> None:
        """Attach everything, or nothing. Raises LoadError."""
        if self._attachments:
            return
        self._engine.decoder.add(self.plan.hooks)
        try:
            self._reload_programs()
            self._tracking.start()
            for hook, program in self._programs:
                attachment = Attachment(hook.method.value, ())
                with self._unguarded_at_worst(hook):
                    attachment = self._engine.attach(hook, program)
                self._attachments.append(attachment)
            if self.plan.loader is not None:
                posted = self._engine.decoder.posted
                self._attachments.append(watch_loads(self.plan.loader, self._engine.base, posted))
        except BaseException:
            self.disable()
            raise

    def keep(self, record: bytes) -> str:
        """Have what is attached outlive the agent, until disable(); `record` is for the next one.

        Says what ends with the agent nevertheless, and why; empty if nothing does. Raises
        LoadError or PermissionDeniedError when nothing can be kept.
        """
        if self._state is None or not self._attachments:
            return ""
        before, deciding = self._kept, self._deciding()
        others = [one for one in self._attachments if one not in deciding]
        if self.plan.gates:
            others.append(Attachment("tracepoint", self._engine.base.cgroup_links()))
        maps = {STATE: self._state_map.fd}
        if deciding:
            maps[VERDICTS] = self._tracking.maps[VERDICTS].fd
        self._kept = self._engine.place.keep(
            self.plan.policy_name,
            record,
            deciding=deciding,
            others=[*others, *self._tracking.attachments],
            maps=maps,
        )
        if before is not None:
            before.remove()
        return "this kernel has no links for its events (5.15 has)" if self._kept.unpinned else ""

    def change_record(self, record: bytes) -> None:
        """Another record for the next agent, if it is kept. Raises LoadError."""
        if self._kept is not None:
            self._kept.change_record(record)

    def finish(self) -> Mapping[str, int]:
        """As close(); the ledger as it is when nothing runs any more."""
        self.disable()
        ledger = self._state.counters() if self._state is not None else {}
        self.close()
        return ledger

    def leave(self) -> None:
        """Close it, but what is kept goes on."""
        self._kept = None
        self.close()

    def disable(self) -> None:
        """Detach; enable() attaches again."""
        self._stop_deciding()
        for attachment in self._attachments:
            attachment.close()
        self._attachments.clear()
        self._tracking.stop()
        if self._kept is not None:
            kept, self._kept = self._kept, None
            kept.remove()
        self._engine.decoder.remove(self.plan.hooks)

    def _stop_deciding(self) -> None:
        """Detach what decides about calls before what denies them, once none is under way."""
        verdicts = self._tracking.maps.get(VERDICTS)
        if verdicts is None:
            return
        for attachment in self._deciding():
            attachment.close()
        if self._kept is not None:
            self._kept.stop_deciding()
        await_denials(verdicts)

    def _deciding(self) -> list[Attachment]:
        """Of programs that only decide what others do; none if each does all by itself."""
        if VERDICTS not in self._tracking.maps:
            return []
        return [
            attachment
            for (hook, _), attachment in zip(self._programs, self._attachments, strict=False)
            if hook.timing not in {Timing.VERDICT, Timing.VERDICT_END}
        ]

    def counters(self) -> Mapping[str, int]:
        """`posted`: hits; `missed`: those the kernel did not run a program for; the ledger."""
        missed = sum(
            program.info().recursion_misses for hook, program in self._programs if not hook.is_guard
        )
        missed += sum(attachment.missed() or 0 for attachment in self._attachments)
        if self._state is not None:
            missed = max(0, missed - self._state.stood_in)
        hooks = {target.hook for hook in self.plan.hooks for target in hook.targets}
        hooks |= {self.plan.loader.hook} if self.plan.loader else set()
        posted = sum(self._engine.decoder.posted[hook] for hook in hooks)
        ledger = self._state.counters() if self._state is not None else {}
        return {"posted": posted, "missed": missed, **ledger}

    def program_runs(self) -> Sequence[ProgramRuns]:
        """What the kernel counts of its programs. Raises LoadError if they go meanwhile."""
        hooks = zip_longest(tuple(self._programs), tuple(self._attachments[: len(self._programs)]))
        found = [runs_of_hook(hook, program, joined) for (hook, program), joined in hooks]
        return found + [runs_of_upkeep(*pair) for pair in self._tracking.programs]

    def close(self) -> None:
        """Detach and unload; idempotent."""
        self.disable()
        for _, program in self._programs:
            program.close()
        self._programs.clear()
        if self._state is not None:
            self._state.close()
            self._state_map.close()
            self._state = None
        self._tracking.close()


def _method(hook: HookPlan) -> str:
    """How it is attached; with what denies for it, if another program has to."""
    return f"{hook.method.value}+{hook.denied_by}" if hook.denied_by else hook.method.value


def _memlock(fd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii").splitlines():
        if line.startswith("memlock:"):
            return int(line.split()[1])
    return 0
