# SPDX-License-Identifier: Apache-2.0
"""What the kernel counts of programs, and under which names it is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sensors.acting_programs import hook as a_hook
from tetragon_core.hooks import HookEvent, HookInfo
from tetragon_core.program_runs import ProgramRuns
from tetragon_sensors.base_runs import base_runs
from tetragon_sensors.kernel.programs import ProgramInfo
from tetragon_sensors.policy.hits import HitDecoder
from tetragon_sensors.policy.plan import Method, Target
from tetragon_sensors.policy.runs import runs_of_hook, runs_of_upkeep


class FakeProgram:
    """A program the kernel has counted something of."""

    def info(self) -> ProgramInfo:
        """The same always."""
        return ProgramInfo(1, 10, 0, None, 5, 700, 2)


PROGRAM: Any = FakeProgram()


class FakeObject:
    """A loaded object of two programs that ran so often."""

    def __init__(self, runs: int) -> None:
        self._runs = runs

    def program_info(self) -> list[tuple[str, Any]]:
        """Section and counts."""
        info = SimpleNamespace(run_cnt=self._runs, run_time_ns=10, recursion_misses=3)
        return [("tp_btf/exec", info), ("tp_btf/exit", info)]


def target(symbol: str, event: HookEvent = HookEvent.KPROBE, hook: int = 1) -> Target:
    return Target(symbol=symbol, hook=hook, info=HookInfo(event=event, policy_name="p"))


@pytest.mark.parametrize(
    ("symbols", "attach"),
    [(("f",), "f"), (("f", "g"), "2 places"), (("site", "site"), "site")],
    ids=["one", "many", "same name"],
)
def test_a_program_is_named_by_where_it_is(symbols: tuple[str, ...], attach: str) -> None:
    """By the symbol, also of several places of one name; of many names by their number."""
    hook = a_hook(method=Method.FENTRY, targets=tuple(map(target, symbols)))
    attachment: Any = SimpleNamespace(missed=lambda: 4)

    assert runs_of_hook(hook, PROGRAM, attachment) == ProgramRuns(
        sensor="generic_kprobe",
        attach=attach,
        section=f"fentry/{attach}",
        runs=5,
        time_ns=700,
        skipped=2,
        probe_missed=4,
    )


@pytest.mark.parametrize("event", HookEvent)
def test_every_type_has_its_sensor(event: HookEvent) -> None:
    """No hook is without the name of what it belongs to."""
    hook = a_hook(targets=(target("f", event),))

    found = runs_of_hook(hook, PROGRAM, None)

    assert event.name.lower() in found.sensor
    assert found.probe_missed is None


def test_programs_that_keep_tables() -> None:
    """They are no hook's, and belong to the policy all the same."""
    found = runs_of_upkeep("sched_process_exec", PROGRAM)

    assert ("process_tables", "raw-tracepoint/sched_process_exec") == (found.sensor, found.section)


def test_copies_of_a_program_are_one() -> None:
    """Their runs add up; what the first was skipped for others took, so it is no loss."""
    one: Any = [FakeObject(5)]
    two: Any = [FakeObject(5), FakeObject(7)]

    alone, together = base_runs([one]), base_runs([two])

    assert ["exec", "exit"] == [found.attach for found in alone]
    assert [(5, 10, 3)] * 2 == [(each.runs, each.time_ns, each.skipped) for each in alone]
    assert [(12, 20, None)] * 2 == [(each.runs, each.time_ns, each.skipped) for each in together]


def test_hits_by_type() -> None:
    """Those of hooks that are gone count too; of those no program sends, all are loads."""
    decoder = HitDecoder()
    gone = a_hook(targets=(target("f", HookEvent.LSM, 7),))
    decoder.add([gone, a_hook(targets=(target("g", HookEvent.USDT, 8),))])
    decoder.remove([gone])
    for hook in (7, 7, 8, 99):
        decoder.posted[hook] += 1

    expected = {HookEvent.LSM: 2, HookEvent.USDT: 1, HookEvent.LOADER: 1}
    assert dict.fromkeys(HookEvent, 0) | expected == decoder.received()
