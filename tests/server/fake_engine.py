# SPDX-License-Identifier: Apache-2.0
"""An engine without a kernel: it notes what it is asked for, and does what a hook's message says.

`refuse` two problems, `crash` an error nobody expects, `partial` one hook is missing, `wait` until
the test lets it go on, `stuck` disable fails, `break` a second enable fails.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tetragon_core.enforcement import asks_to_monitor
from tetragon_core.errors import LoadError
from tetragon_core.policy.model import Where
from tetragon_core.policy.problems import PolicyError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.policy.model import Policy

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


class FakePolicy:
    """One policy in no kernel."""

    kernel_memory_bytes = 4096

    def __init__(self, engine: FakeEngine, policy: Policy, message: str) -> None:
        self._engine = engine
        self._name = policy.name
        self._message = message
        call = getattr(policy.spec.hooks[0], "call", "")
        self.hooks = [FakeHook(call)]
        if message == "partial":
            self.hooks.append(FakeHook("not_there", "", "call not found"))
        self.is_monitored = asks_to_monitor(policy)
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

    def close(self) -> None:
        """Note it; twice is an error."""
        self._engine.note("close", self._name)
        self._engine.attached.remove(self)

    def counters(self) -> Mapping[str, int]:
        """The same for all, and what the test has set."""
        return {"posted": 7, "missed": 3, **self.more}


class FakeEngine:
    """What a test looks at afterwards."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.attached: list[FakePolicy] = []
        self.threads: set[int] = set()
        self.waiting = threading.Event()
        self.go_on = threading.Event()
        self.losses = {"LOST_HIT": 0}

    def note(self, what: str, name: str) -> None:
        """Remember a call."""
        self.calls.append((what, name))
        self.threads.add(threading.get_ident())

    def load(self, policy: Policy) -> FakePolicy:
        """Do what the first hook's message says."""
        message = policy.spec.hooks[0].message if policy.spec.hooks else ""
        self.note("load", policy.name)
        if message == "refuse":
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

    def close(self) -> None:
        """Note it."""
        self.note("close", "engine")
