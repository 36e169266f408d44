# SPDX-License-Identifier: Apache-2.0
"""Runs the policies of tests/data/policies, and keeps what came out for the table in the docs."""

from __future__ import annotations

import json
import os
import re
import select
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kernel.policies import PolicyRun, start
from kernel.recorder import DEADLINE_S
from kernel.tree import Tree
from kernel.triggers.values import hit_of
from tetragon_core.errors import TetragonError
from tetragon_core.hooks import HookMessage
from tetragon_core.policy.model import FunctionHook, HookKind
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.workload_filters import filters_of
from tetragon_core.stats import Stats
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.triggers.case import Case
    from kernel.triggers.values import Hit
    from tetragon_core.policy.model import Policy
    from tetragon_sensors.policy.loaded import LoadedPolicy

__all__ = ["POLICIES", "ROOT", "Suite", "suite_of"]

ROOT: Final = Path(__file__).parents[2]
POLICIES: Final = ROOT / "tests/data/policies"
_RECORDS: Final = 1024
_FAILED: Final = 98


@dataclass
class Suite:
    """An engine for all policies, and what became of each."""

    run: PolicyRun
    functions: frozenset[str]
    """Of the running kernel, from /proc/kallsyms."""
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def refusal(self, case: Case, policy: Policy) -> str:
        """A pattern of why this kernel cannot have the policy; empty when it can."""
        kernel = self.run.engine.kernel
        if reason := case.refused(kernel):
            return reason
        hooks = [hook for hook in policy.spec.hooks if isinstance(hook, FunctionHook)]
        named = [hook for hook in hooks if not hook.syscall and not hook.call.startswith("list:")]
        for hook in named:
            if hook.call not in self.functions and not hook.ignore_call_not_found:
                return f"this kernel has no function {hook.call}"
        if not kernel.abilities.can_fentry and not kernel.abilities.can_kprobe and named:
            kinds = {hook.kind for hook in named}
            return "fentry is not" if kinds == {HookKind.FENTRY} else "no way to attach to"
        return ""

    def refuse(self, name: str, policy: Policy) -> str:
        """Try to load what has to be refused; the reason."""
        try:
            self._load(policy).close()
        except TetragonError as error:
            reason = str(error).splitlines()[0]
            self.results[name] = {"loaded": False, "reason": _without_place(reason)}
            return str(error)
        self.results[name] = {"loaded": True}
        return ""

    def _load(self, policy: Policy) -> LoadedPolicy:
        """With containers that no filter by workload holds for: there are none."""
        return self.run.engine.load(policy, {one: n for n, one in enumerate(filters_of(policy))})

    def hits(self, case: Case, policy: Policy) -> tuple[list[Hit], list[Hit]]:
        """Load the policy; the hits of its `act` and those of its `miss`."""
        before = self.run.lost()
        loaded = self._load(policy)
        try:
            found = self._hits_of(case.act, case.anywhere)
            missed = self._hits_of(case.miss, case.anywhere)
            methods = sorted({hook.method for hook in loaded.hooks if hook.method})
        finally:
            loaded.close()
        assert case.floods or before == self.run.lost()
        self.results[case.policy] = {"loaded": True, "methods": methods, "hits": len(found)}
        wanted = [hit for hit in found if not case.of or hit.name in case.of]
        return wanted, [hit for hit in missed if not case.of or hit.name in case.of]

    def _hits_of(self, action: Callable[[], object], anywhere: frozenset[str]) -> list[Hit]:
        """Hits of a child that runs `action`, of all that descend from it, and those `anywhere`."""

        def act() -> None:
            os.closerange(3, 4096)
            try:
                action()
            except BaseException:  # noqa: BLE001  # this copy of the test run must end here
                os.write(2, traceback.format_exc().encode())
                os._exit(_FAILED)

        tree = Tree(start(act))
        hits: list[Hit] = []
        deadline = time.monotonic() + DEADLINE_S
        while not tree.is_over:
            assert time.monotonic() < deadline, f"no end of {tree.root} was reported"
            select.select([self.run.sensor], [], [], 0.2)
            for message in self.run.sensor.drain(_RECORDS):
                is_ours = tree.feed(message, ())
                if isinstance(message, HookMessage):
                    hit = hit_of(message)
                    hits += [hit] if is_ours or hit.name in anywhere else []
        _, status = os.waitpid(tree.root, 0)
        assert status == 0
        return hits

    def write(self, level: str) -> None:
        """Keep the results for tools/compatibility.py."""
        name = os.uname().release
        whole = {"kernel": name, "policies": dict(sorted(self.results.items()))}
        directory = ROOT / "build/test"
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(whole, indent=1) + "\n"
        (directory / f"compatibility-{level}.json").write_text(text)


def _without_place(reason: str) -> str:
    """The reason without file, line, column and the path in the file."""
    return re.sub(r"^\S+\.yaml(:\d+:\d+)?: (spec\.\S+: )?", "", reason)


def read_policy(name: str, values: dict[str, str]) -> Policy:
    """A policy of the suite, with values of this machine, and for all namespaces."""
    text = (POLICIES / f"{name}.yaml").read_text()
    for old, new in values.items():
        assert old in text
        text = text.replace(old, new)
    return replace(parse_policy(text, f"{name.rpartition('/')[2]}.yaml"), namespace="")


@contextmanager
def suite_of(level: str | None) -> Iterator[Suite]:
    """A suite whose results are kept at the end, when a level was named."""
    lines = Path("/proc/kallsyms").read_text().splitlines()
    with BaseSensor(SensorConfig(), Stats()) as sensor:
        engine = Engine(sensor, Kernel.running())
        try:
            suite = Suite(PolicyRun(sensor, engine), frozenset(line.split()[2] for line in lines))
            yield suite
        finally:
            engine.close()
    if level:
        suite.write(level)
