# SPDX-License-Identifier: Apache-2.0
"""A policy against a kernel: every call, event and argument is looked up, and the Plan made.

All problems are found before any is reported. Nothing is loaded and no privilege is needed.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import HookEvent, HookInfo
from tetragon_core.policy.model import FunctionHook, TracepointHook
from tetragon_core.policy.problems import Problems
from tetragon_sensors.kernel.tracefs import TracefsError

from .actionchecks import check_actions
from .arguments import (
    check_filters,
    lay_out,
    plan_data,
    plan_field,
    plan_parameter,
    plan_result,
)
from .attaching import Functions, Impossible, plan_functions
from .calls import resolve_calls
from .frames import COMMON_FIELDS, FieldsFrame, RawSyscallFrame, WordsFrame
from .lists import expand_lists
from .plan import HookPlan, Method, Plan, Source, Target, Timing
from .ratelimit import rate_limit_map
from .socktrack import SOCKS_MAP, TRACKING
from .tables import MAX_TESTS, process_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.model import Hook, Policy, Selector
    from tetragon_sensors.kernel.facts import Kernel

    from .frames import Frame
    from .plan import ArgumentPlan

__all__ = ["make_plan"]

_TRUE: Final = frozenset({"1", "t", "true"})
_ANY_SYSCALL: Final = "raw_syscalls/sys_enter"


def make_plan(policy: Policy, kernel: Kernel, numbers: Iterator[int] | None = None) -> Plan:
    """The plan for `policy` on `kernel`. `numbers` gives each target its hook number.

    Raises PolicyError with all problems.
    """
    return _Check(policy, kernel, numbers or count(1)).plan()


class _Check:
    def __init__(self, policy: Policy, kernel: Kernel, numbers: Iterator[int]) -> None:
        self.policy = policy
        self.kernel = kernel
        self.numbers = numbers
        self.problems = Problems()
        self.skipped: list[str] = []
        self.impossible: list[Impossible] = []

    def plan(self) -> Plan:
        hooks: list[HookPlan] = []
        self._check_sections()
        lists = {one.name: one for one in self.policy.spec.lists}
        for written in self.policy.spec.hooks:
            selectors = (
                expand_lists(one, lists, self.kernel, self.problems) for one in written.selectors
            )
            hook = replace(written, selectors=tuple(selectors))
            self._check_actions(hook)
            match hook:
                case FunctionHook():
                    hooks += self._function(hook)
                case TracepointHook():
                    hooks += self._tracepoint(hook)
                case _:
                    self.problems.error(
                        f"{hook.kind.value} are not supported yet by this version", hook.where
                    )
        tables = process_tables([one for hook in self.policy.spec.hooks for one in hook.selectors])
        if len(tables.tests) > MAX_TESTS:
            self.problems.error(
                f"{len(tables.tests)} different filters on executables; at most {MAX_TESTS}"
            )
        tell = self.problems.warn if hooks else self.problems.error
        for one in self.impossible:
            tell(one.reason, one.where)
        self.problems.raise_if_any(self.policy.source)
        tracks = any(map(_tracks, self.policy.spec.hooks))
        limits = rate_limit_map(hooks)
        return Plan(
            policy_name=self.policy.name,
            namespace=self.policy.namespace,
            hooks=tuple(replace(hook, tables=tables, tracks_socks=tracks) for hook in hooks),
            skipped=tuple(self.skipped),
            impossible=tuple(symbol for one in self.impossible for symbol in one.symbols),
            warnings=tuple(self.problems.warnings),
            tables=tables,
            maps=(*([limits] if limits else []), *([SOCKS_MAP] if tracks else [])),
        )

    def _check_sections(self) -> None:
        spec = self.policy.spec
        if spec.loader:
            self.problems.error("loader: true is not supported yet by this version")
        if spec.enforcers:
            self.problems.error(
                "enforcers are not supported yet by this version", spec.enforcers[0].where
            )
        workloads = spec.workloads
        for name, selector in (
            ("podSelector", workloads.pod_selector),
            ("containerSelector", workloads.container_selector),
        ):
            if selector is not None:
                self.problems.error(
                    f"{name} needs Kubernetes, which this agent is not connected to",
                    selector.where,
                )

    def _check_actions(self, hook: Hook) -> None:
        check_actions(hook, self.problems)
        for selector in hook.selectors:
            if selector.match_workloads is not None:
                self.problems.error(
                    "matchWorkloads needs Kubernetes, which this agent is not connected to",
                    selector.match_workloads.where,
                )

    # ---- functions ----

    def _function(self, hook: FunctionHook) -> list[HookPlan]:
        symbols = resolve_calls(hook, self.policy.spec, self.kernel, self.problems, self.skipped)
        plans: list[HookPlan] = []
        option = self.policy.spec.options.get("disable-kprobe-multi")
        one_by_one = option is not None and str(option).lower() in _TRUE
        for functions in plan_functions(
            hook, symbols, self.kernel, self.impossible, one_by_one=one_by_one
        ):
            plans += self._programs(hook, functions)
        return plans

    def _programs(self, hook: FunctionHook, functions: Functions) -> list[HookPlan]:
        """One program, or two when entry and return are seen apart."""
        btf, problems = self.kernel.btf, self.problems
        made = [
            plan_parameter(one, functions.parameters, functions.prototype, btf, problems)
            for one in hook.args
        ]
        if hook.syscall:
            made = [one and replace(one, of_user=True) for one in made]
        made += [plan_data(one, btf, problems) for one in hook.data]
        result = None
        if hook.returns and hook.return_arg is not None:
            result = plan_result(hook.return_arg, problems)
        if None in made or (hook.returns and result is None):
            return []
        placed, result, size = lay_out([one for one in made if one], result)
        data_from = len(hook.args)
        self._check_selectors(hook.selectors, placed, data_from, result)
        targets = tuple(
            self._target(hook, HookEvent.KPROBE, symbol, type_id)
            for symbol, type_id in functions.symbols
        )
        entry = HookPlan(
            method=functions.entry,
            timing=Timing.ENTRY,
            frame=functions.frame,
            targets=targets,
            arguments=placed,
            data_from=data_from,
            selectors=hook.selectors,
            record_bytes=size,
            uses_cookie=len(targets) > 1,
            result_action=hook.return_arg_action,
        )
        if result is None:
            return [entry]
        if functions.can_report_at_exit(placed):
            whole = replace(entry, method=Method.FEXIT, timing=Timing.EXIT, result=result)
            return [whole]
        for wanted in (one for selector in hook.selectors for one in selector.match_args):
            if any(placed[number].size_is_result for number in wanted.args):
                self.problems.error(
                    "an argument with returnCopy has its bytes when the function returns, and "
                    "here is filtered when it is called; filter by the result or by others",
                    wanted.where,
                )
        kept = next((one for one in placed if one.size_is_result), None)
        at_return = tuple(replace(one, source=Source.KEPT) for one in placed if one.size_is_result)
        at_entry = tuple(one for one in placed if not one.size_is_result)
        first = replace(entry, timing=Timing.ENTRY_HALF, arguments=at_entry, kept=kept)
        second = replace(
            entry,
            method=functions.at_return,
            timing=Timing.RETURN_HALF,
            arguments=at_return,
            frame=functions.return_frame,
            result=result,
        )
        return [second, first]

    def _check_selectors(
        self,
        selectors: Sequence[Selector],
        plans: Sequence[ArgumentPlan],
        data_from: int,
        result: ArgumentPlan | None,
    ) -> None:
        for selector in selectors:
            check_filters(selector.match_args, plans[:data_from], self.problems)
            check_filters(selector.match_data, plans[data_from:], self.problems)
            results = [replace(result, index=0)] if result is not None else []
            filters = [replace(one, index=0) for one in selector.match_return_args]
            check_filters(filters, results, self.problems)

    def _target(self, hook: Hook, event: HookEvent, symbol: str, type_id: int = 0) -> Target:
        subsystem, _, tracepoint = symbol.rpartition("/")
        is_function = event is HookEvent.KPROBE
        info = HookInfo(
            event=event,
            policy_name=self.policy.name,
            policy_namespace=self.policy.namespace,
            function_name=symbol if is_function else "",
            subsystem="" if is_function else subsystem,
            tracepoint="" if is_function else tracepoint,
            message=hook.message,
            tags=hook.tags,
        )
        return Target(symbol=symbol, hook=next(self.numbers), info=info, type_id=type_id)

    # ---- tracepoints ----

    def _tracepoint(self, hook: TracepointHook) -> list[HookPlan]:
        name = f"{hook.subsystem}/{hook.event}"
        if hook.raw:
            return self._raw_tracepoint(hook, name)
        try:
            event = self.kernel.tracefs.event(hook.subsystem, hook.event)
        except TracefsError as error:
            self.problems.error(str(error), hook.where)
            return []
        made = [plan_field(one, event, self.problems) for one in hook.args]
        if hook.subsystem == "syscalls":
            made = [one and replace(one, of_user=True) for one in made]
        target = replace(
            self._target(hook, HookEvent.TRACEPOINT, name), tracepoint_id=event.event_id
        )
        if name == _ANY_SYSCALL and all(one.index == COMMON_FIELDS for one in hook.args):
            return self._event(hook, target, Method.RAW_TRACEPOINT, RawSyscallFrame(), made)
        return self._event(hook, target, Method.TRACEPOINT, FieldsFrame(event.fields), made)

    def _raw_tracepoint(self, hook: TracepointHook, name: str) -> list[HookPlan]:
        found = self.kernel.btf.find_raw_tracepoint(hook.event)
        if found is None:
            self.problems.error(f"this kernel has no raw tracepoint {hook.event}", hook.where)
            return []
        made = [
            plan_parameter(one, found.parameters, found.prototype, self.kernel.btf, self.problems)
            for one in hook.args
        ]
        target = self._target(hook, HookEvent.TRACEPOINT, name)
        frame = WordsFrame(len(found.parameters))
        return self._event(hook, target, Method.RAW_TRACEPOINT, frame, made)

    def _event(
        self,
        hook: TracepointHook,
        target: Target,
        method: Method,
        frame: Frame,
        made: list[ArgumentPlan | None],
    ) -> list[HookPlan]:
        if None in made:
            return []
        placed, _, size = lay_out([one for one in made if one], None)
        self._check_selectors(hook.selectors, placed, len(placed), None)
        plan = HookPlan(
            method=method,
            timing=Timing.ENTRY,
            frame=frame,
            targets=(target,),
            arguments=placed,
            data_from=len(placed),
            selectors=hook.selectors,
            record_bytes=size,
        )
        return [plan]


def _tracks(hook: Hook) -> bool:
    actions = (one.action for selector in hook.selectors for one in selector.match_actions)
    return not TRACKING.isdisjoint(actions) or bool(getattr(hook, "return_arg_action", ""))
