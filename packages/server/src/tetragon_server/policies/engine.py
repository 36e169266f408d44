# SPDX-License-Identifier: Apache-2.0
"""What the agent needs of whatever brings policies into the kernel. Nothing is done here.

All methods but those that count and `close` are called from one thread that is not the event
loop's: the verifier may take seconds for a large policy, and the ring has to be read and clients
answered meanwhile. Properties are read in the event loop's thread, so they have to be cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tetragon_core.hooks import HookEvent
    from tetragon_core.network_requests import NetworkRequest
    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.problems import Problem
    from tetragon_core.policy.workload_filters import WorkloadFilter
    from tetragon_core.program_runs import ProgramRuns

    Ask = Callable[[NetworkRequest], None]
    """Takes what a hit asks to be sent."""

__all__ = [
    "EarlierPolicy",
    "EarlierRuns",
    "HookStatus",
    "LoadedPolicy",
    "PolicyEngine",
    "WorkloadMembers",
]


class HookStatus(Protocol):
    """One place a policy watches."""

    @property
    def name(self) -> str:
        """Symbol, `subsystem/event`, or raw tracepoint."""

    @property
    def method(self) -> str:
        """How it is attached: fentry, kprobe-multi, kprobe, tracepoint, …; empty if it is not."""

    @property
    def state(self) -> str:
        """`loaded`, or why it is not: `call not found`, `partial call not found`, …"""


class LoadedPolicy(Protocol):
    """A policy in the kernel, attached and reporting."""

    @property
    def hooks(self) -> Sequence[HookStatus]:
        """Where it is attached, and where it is not."""

    @property
    def warnings(self) -> Sequence[Problem]:
        """What its author should know."""

    @property
    def kernel_memory_bytes(self) -> int:
        """Memory of what only this policy uses."""

    @property
    def is_monitored(self) -> bool:
        """True while enforcing actions are counted and not taken, also after it fell back."""

    @property
    def fell_back(self) -> bool:
        """It went over to monitoring by itself, because it killed too often."""

    def set_monitor(self, *, on: bool) -> None:
        """Count enforcing actions without taking them, or take them; the next hit sees it.

        To take them ends a fall-back. Raises TetragonError. Called for policies that enforce only.
        """

    @property
    def filter_numbers(self) -> Sequence[int]:
        """Of its filters by workload, as it was told them."""

    @property
    def enforces(self) -> bool:
        """Whether it stops anything while it does not only monitor."""

    def enable(self) -> None:
        """Attach everything again, or nothing. Raises TetragonError."""

    def disable(self) -> None:
        """Detach, for good: it is not kept any more."""

    def keep(self, record: bytes) -> str:
        """Have what is attached outlive the agent; the next one is given `record`.

        Why some of it ends with the agent nevertheless; empty if nothing does. Raises
        TetragonError when nothing can be kept. Called for policies that enforce only.
        """

    def change_record(self, record: bytes) -> None:
        """Another record in one step, if it is kept. Raises TetragonError."""

    def program_runs(self) -> Sequence[ProgramRuns]:
        """Its programs and what the kernel counts of each; costs a system call for each.

        Asked in the event loop's thread. Raises TetragonError when they go meanwhile.
        """

    def finish(self) -> Mapping[str, int]:
        """As close(); the ledger of enforcing actions at its end, which is empty if it has none."""

    def leave(self) -> None:
        """As close(), but what is kept goes on."""

    def close(self) -> None:
        """Detach and unload; a second call does nothing.

        When the agent ends, those of several policies are called at once, in several threads.
        """

    def counters(self) -> Mapping[str, int]:
        """By name: `missed`, and if the kernel's side counts them `posted`, other actions by the
        names of TracingPolicyActionCounters, and of enforcing ones `attempts`, `spared`, `failed`
        and `last_errno`, as EnforcementLedger has them.

        None but the last gets smaller while the policy is loaded; asked in the event loop's thread.
        """


class WorkloadMembers(Protocol):
    """Which filters by workload containers fulfil, as programs look it up."""

    @property
    def room(self) -> int:
        """Containers it can hold."""

    def write(self, items: Iterable[tuple[int, int]]) -> None:
        """Set containers: id of the cgroup its runtime made, and numbers of filters as bits; 0:
        none. Each in one step, and quick: called in the event loop's thread. Raises TetragonError.
        """


class PolicyEngine(Protocol):
    """Loads policies; one per agent."""

    def members(self) -> WorkloadMembers:
        """The same at each call. Raises TetragonError."""

    def load(self, policy: Policy, filters: Mapping[WorkloadFilter, int]) -> LoadedPolicy:
        """Bring it into the kernel. Raises PolicyError with all problems, or another
        TetragonError; then nothing of it is left there.

        `filters`: the number of each of its filters by workload, in members() already.
        """

    def counters(self) -> Mapping[str, int]:
        """Losses of all policies together: `LOST_HIT`, `HOOK_BUSY`, `RETURN_LOST`."""

    def received(self) -> Mapping[HookEvent, int]:
        """Hits of all policies so far, also of those that are gone, by type; cheap."""

    def close(self) -> None:
        """Give up what policies share; all of them are closed before."""


class EarlierPolicy(Protocol):
    """A policy that an agent which is gone has left enforcing."""

    @property
    def name(self) -> str:
        """Never that of another one, at any time."""

    @property
    def is_monitored(self) -> bool:
        """It counts its enforcing actions without taking them."""

    @property
    def fell_back(self) -> bool:
        """It does so because it killed too often."""

    def record(self) -> bytes:
        """What its agent gave to LoadedPolicy.keep(). Raises TetragonError."""

    def detach(self) -> None:
        """Let it enforce no more. Record and counters stay."""

    def counters(self) -> Mapping[str, int]:
        """Its ledger; final once it is detached."""

    def remove(self) -> None:
        """Let nothing of it be left."""


class EarlierRuns(Protocol):
    """All that agents which are gone have left; nobody else takes it while this is open."""

    def policies(self) -> Sequence[EarlierPolicy]:
        """What is there, oldest first."""

    def collect(self) -> int:
        """Give up what no policy needs any more; hits in it that nobody received."""

    def close(self) -> None:
        """Leave the rest to others."""
