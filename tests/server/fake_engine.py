# SPDX-License-Identifier: Apache-2.0
"""An engine without a kernel: it notes what it is asked for, and does what a hook's message says.

`refuse` two problems, `crash` an error nobody expects, `partial` one hook is missing, `wait` until
the test lets it go on, `stuck` disable fails, `break` a second enable fails.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from tetragon_core.enforcement import asks_to_monitor, enforces
from tetragon_core.errors import LoadError
from tetragon_core.hooks import HookEvent
from tetragon_core.policy.model import Where
from tetragon_core.policy.problems import PolicyError, Problem
from tetragon_core.policy.workload_filters import filters_of
from tetragon_core.program_runs import ProgramRuns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.workload_filters import WorkloadFilter

DEADLINE_S = 20


def policy_text(name: str, *, call: str = "do_nothing", message: str = "", more: str = "") -> str:
    """A policy with one kprobe."""
    said = f"\n      message: {message}" if message else ""
    return f"""\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: {name}
spec:
  kprobes:
    - call: {call}
      syscall: false{said}
{more}"""


@dataclass(frozen=True)
class FakeHook:
    """One place."""

    name: str
    method: str = "fentry"
    state: str = "loaded"


_numbers = count(1)


class FakePins:
    """What is pinned of a policy, as the next agent finds it."""

    def __init__(self, policy: FakePolicy, name: str, packed: bytes) -> None:
        self.policy = policy
        self.name = name
        self.packed = packed
        self.engine = policy.engine
        self.is_attached = True

    @property
    def is_monitored(self) -> bool:
        """As the policy is."""
        return self.policy.is_monitored

    @property
    def fell_back(self) -> bool:
        """As the policy has."""
        return self.policy.fell_back

    def record(self) -> bytes:
        """What was given last."""
        return self.packed

    def detach(self) -> None:
        """Note it."""
        self.engine.note("detach", self.name)
        self.is_attached = False

    def counters(self) -> Mapping[str, int]:
        """The policy's ledger."""
        return self.policy.more

    def remove(self) -> None:
        """Note it."""
        self.engine.note("remove", self.name)
        self.engine.pins.remove(self)


class FakeRuns:
    """What agents before have left: the pins of an engine whose agent is gone."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._before = list(engine.pins)
        self.unreceived = 0

    def policies(self) -> list[FakePins]:
        """Those that are there still."""
        return [one for one in self._before if one in self._engine.pins]

    def collect(self) -> int:
        """What the test has set, once nothing is left."""
        lost, self.unreceived = (0, self.unreceived) if self.policies() else (self.unreceived, 0)
        return lost

    def close(self) -> None:
        """Note it."""
        self._engine.note("close", "runs")


class FakePolicy:
    """One policy in no kernel."""

    kernel_memory_bytes = 4096
    filter_numbers = ()

    def __init__(self, engine: FakeEngine, policy: Policy, message: str) -> None:
        self.engine = self._engine = engine
        self._name = policy.name
        self._message = message
        call = getattr(policy.spec.hooks[0], "call", "")
        self.hooks = [FakeHook(call)]
        if message == "partial":
            self.hooks.append(FakeHook("not_there", "", "call not found"))
        self.enforces = enforces(policy)
        self.is_monitored = asks_to_monitor(policy)
        self.pins: FakePins | None = None
        self.fell_back = False
        self.more: dict[str, int] = {}
        self.warnings = [Problem(Where("spec", 6, 3), "a warning")] if message == "warn" else []

    def set_monitor(self, *, on: bool) -> None:
        """Note it, or fail."""
        self._engine.note("monitor" if on else "enforce", self._name)
        if self._message == "stuck":
            raise LoadError("it does not let go")
        self.is_monitored = on
        self.fell_back = self.fell_back and on

    def fall_back(self) -> None:
        """What the kernel does after too many kills."""
        self.is_monitored = self.fell_back = True

    def enable(self) -> None:
        """Note it, or fail."""
        self._engine.note("enable", self._name)
        if self._message == "break":
            raise LoadError("the kernel has changed its mind")

    def disable(self) -> None:
        """Note it, or fail."""
        self._engine.note("disable", self._name)
        if self._message == "stuck":
            raise LoadError("it does not let go")
        self.drop_pins()

    def keep(self, record: bytes) -> str:
        """Pin it, or fail, or only some of it."""
        if self._message == "unkept":
            raise LoadError("no BPF file system")
        self.drop_pins()
        self.pins = FakePins(self, f"pins{next(_numbers)}", record)
        self._engine.pins.append(self.pins)
        return "old kernel" if self._message == "half kept" else ""

    def drop_pins(self) -> None:
        """Keep it no longer."""
        if self.pins is not None:
            self._engine.pins.remove(self.pins)
        self.pins = None

    def change_record(self, record: bytes) -> None:
        """As it says."""
        if self.pins is not None:
            self.pins.packed = record

    def finish(self) -> Mapping[str, int]:
        """As close()."""
        self.close()
        return dict(self.more) if self.enforces else {}

    def leave(self) -> None:
        """Note it; the pins stay."""
        self._engine.note("leave", self._name)
        self._engine.attached.remove(self)

    def close(self) -> None:
        """Note it; twice is an error."""
        self._engine.note("close", self._name)
        self._engine.attached.remove(self)
        self.drop_pins()

    def program_runs(self) -> list[ProgramRuns]:
        """One program, at the first hook."""
        where = self.hooks[0].name
        section = f"fentry/{where}"
        return [
            ProgramRuns(
                sensor="generic_kprobe",
                attach=where,
                section=section,
                runs=4,
                time_ns=2_000_000,
                skipped=1,
                probe_missed=2,
            )
        ]

    def counters(self) -> Mapping[str, int]:
        """The same for all, and what the test has set."""
        return {"posted": 7, "missed": 3, **self.more}


class FakeMembers:
    """What programs would look up; as a kernel's map, it may be full."""

    def __init__(self, room: int = 16_384) -> None:
        self.room = room
        self.bits: dict[int, int] = {}
        self.when_loaded: dict[int, int] = {}
        """The same when a policy was loaded last."""
        self.writes = 0
        self.fails = False

    def write(self, items: Iterable[tuple[int, int]]) -> None:
        """Set them, or raise."""
        self.writes += 1
        for home, bits in items:
            if self.fails:
                raise LoadError("no memory")
            if bits:
                self.bits[home] = bits
            else:
                self.bits.pop(home, None)


class FakeEngine:
    """What a test looks at afterwards."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.attached: list[FakePolicy] = []
        self.pins: list[FakePins] = []
        self.refused: set[str] = set()
        """Functions that this kernel does not have."""
        self.threads: set[int] = set()
        self.waiting = threading.Event()
        self.go_on = threading.Event()
        self.losses = {"LOST_HIT": 0}
        self.containers = FakeMembers()

    def note(self, what: str, name: str) -> None:
        """Remember a call."""
        self.calls.append((what, name))
        self.threads.add(threading.get_ident())

    def members(self) -> FakeMembers:
        """The same always."""
        return self.containers

    def load(self, policy: Policy, filters: Mapping[WorkloadFilter, int]) -> FakePolicy:
        """Do what the first hook's message says."""
        self.containers.when_loaded = dict(self.containers.bits)
        assert set(filters) == set(filters_of(policy))
        message = policy.spec.hooks[0].message if policy.spec.hooks else ""
        self.note("load", policy.name)
        call = getattr(policy.spec.hooks[0], "call", "") if policy.spec.hooks else ""
        if message == "refuse" or call in self.refused:
            where = policy.spec.hooks[0].at("call")
            raise PolicyError([Problem(where, "no such function"), Problem(where, "and more")])
        if message == "crash":
            raise ZeroDivisionError
        if message == "wait":
            self.waiting.set()
            assert self.go_on.wait(DEADLINE_S)
        loaded = FakePolicy(self, policy, message)
        self.attached.append(loaded)
        return loaded

    def counters(self) -> Mapping[str, int]:
        """What the test has set."""
        return self.losses

    def received(self) -> Mapping[HookEvent, int]:
        """The same always."""
        return {HookEvent.KPROBE: 5, HookEvent.LOADER: 2}

    def close(self) -> None:
        """Note it."""
        self.note("close", "engine")
