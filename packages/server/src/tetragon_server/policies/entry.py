# SPDX-License-Identifier: Apache-2.0
"""A policy the agent knows: its name, its state and what is loaded of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.enforcement import UNLIMITED, asks_to_monitor, enforces
from tetragon_core.policy.workload_filters import main_filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.policy.model import Policy

    from .engine import HookStatus, LoadedPolicy

__all__ = [
    "LOADED",
    "Domain",
    "PolicyEntry",
    "PolicyKey",
    "PolicyMode",
    "PolicyState",
    "mode_of",
]

LOADED: Final = "loaded"
"""State of a hook that works."""


class Domain:
    """Where a policy comes from; the caller of the API may name others."""

    GRPC: Final = "grpc"
    STATIC: Final = "static"
    """A file or a directory given at start."""
    KUBERNETES: Final = "k8s"
    """A custom resource."""
    RESERVED: Final = "sensors"


class PolicyKey(NamedTuple):
    """What tells policies apart: the same name may exist in several domains."""

    name: str
    namespace: str
    domain: str

    def __str__(self) -> str:
        long_name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.domain}:{long_name}"


class PolicyState(Enum):
    """Names of enum TracingPolicyState."""

    LOADING = "TP_STATE_LOADING"
    ENABLED = "TP_STATE_ENABLED"
    PARTIALLY_ENABLED = "TP_STATE_PARTIALLY_ENABLED"
    """Some of its hooks are not there on this kernel."""
    DISABLED = "TP_STATE_DISABLED"
    UNLOADING = "TP_STATE_UNLOADING"
    LOAD_ERROR = "TP_STATE_LOAD_ERROR"
    """Nothing of it is loaded."""
    SKIPPED = "TP_STATE_SKIPPED"
    """It is for other nodes: nothing of it is loaded."""
    ERROR = "TP_STATE_ERROR"
    """It could not be disabled."""


class PolicyMode(Enum):
    """Names of enum TracingPolicyMode."""

    ENFORCE = "TP_MODE_ENFORCE"
    MONITOR = "TP_MODE_MONITOR"
    MONITOR_ONLY = "TP_MODE_MONITOR_ONLY"
    """It has no action that could be enforced."""


@dataclass(slots=True, kw_only=True)
class PolicyEntry:
    """One policy. Only the manager changes it."""

    id: int
    key: PolicyKey
    policy: Policy
    text: str = ""
    """What it was read from."""
    state: PolicyState = PolicyState.LOADING
    mode: PolicyMode
    """What it is in now, or will be in when it is enabled again."""
    chosen_mode: PolicyMode | None = None
    """What somebody has set while it ran; its file is asked no more."""
    max_kills: int = UNLIMITED
    """Kills within a minute after which it only monitors."""
    fallback: str = ""
    """Why it only monitors although it was to enforce; empty when it does not."""
    since_ns: int = 0
    """When it was attached, on the wall clock; 0 while it is not."""
    error: str = ""
    """Why it is not loaded, or why a newer version of its file is not used."""
    loaded: LoadedPolicy | None = None
    hooks: Sequence[HookStatus] = ()
    warnings: Sequence[str] = ()
    kernel_memory_bytes: int = 0
    earlier: Mapping[str, int] = field(default_factory=dict)
    """The ledger of those whose place it has taken: versions before, or an earlier agent's."""
    missed: int = 0
    """What was read last; begins anew whenever it is attached."""

    @property
    def is_enabled(self) -> bool:
        """True while it reports."""
        return self.state in {PolicyState.ENABLED, PolicyState.PARTIALLY_ENABLED}

    @property
    def is_filtered(self) -> bool:
        """Whether it is for some workloads only."""
        return main_filter(self.policy) is not None

    def counters(self) -> Mapping[str, int]:
        """Of what is loaded, with the ledger of those before it; a system call or two."""
        own = {} if self.loaded is None else self.loaded.counters()
        return {**own, **{name: own.get(name, 0) + more for name, more in self.earlier.items()}}

    def more_missed(self) -> int:
        """Hits it missed since this was asked last. Not while it is attached or detached."""
        now = 0 if self.loaded is None else self.loaded.counters().get("missed", 0)
        before, self.missed = self.missed, now
        return now - before if now >= before else now

    def take(self, loaded: LoadedPolicy, now_ns: int) -> None:
        """Note what is in the kernel now, since `now_ns` on the wall clock."""
        self.loaded = loaded
        if self.mode is not PolicyMode.MONITOR_ONLY:
            self.mode = PolicyMode.MONITOR if loaded.is_monitored else PolicyMode.ENFORCE
            if loaded.fell_back:
                self.note_fallback()
        self.hooks = tuple(loaded.hooks)
        found = (one.text(self.policy.source) for one in loaded.warnings)
        self.warnings = (*self.warnings, *found)
        self.kernel_memory_bytes = loaded.kernel_memory_bytes
        self.error = ""
        self.note_enabled(now_ns)

    def note_enabled(self, now_ns: int) -> None:
        """The state of a policy that is attached, since `now_ns` on the wall clock."""
        self.since_ns = now_ns
        is_whole = all(hook.state == LOADED for hook in self.hooks)
        self.state = PolicyState.ENABLED if is_whole else PolicyState.PARTIALLY_ENABLED

    def forget(self, state: PolicyState, error: str = "") -> LoadedPolicy | None:
        """Note that nothing is loaded any more; return what has to be closed."""
        loaded, self.loaded = self.loaded, None
        self.state, self.error = state, error
        self.hooks, self.kernel_memory_bytes = (), 0
        self.since_ns, self.fallback = 0, ""
        return loaded

    @property
    def has_fallen_back(self) -> bool:
        """True when it gave up enforcing and nobody has noted it yet; cheap."""
        is_to_enforce = self.mode is PolicyMode.ENFORCE
        return is_to_enforce and self.loaded is not None and self.loaded.fell_back

    def note_fallback(self) -> None:
        """The mode of a policy that gave up enforcing, and why."""
        self.mode = PolicyMode.MONITOR
        name, namespace, domain = self.key
        where = f" -n {namespace}" if namespace else ""
        where += "" if domain == Domain.GRPC else f" --domain {domain}"
        self.fallback = (
            f"it killed more than {self.max_kills} times within a minute, so it only monitors; to"
            f" let it enforce again: tetragon-mini tracingpolicy set-mode {name} enforce{where}"
        )


def mode_of(policy: Policy) -> PolicyMode:
    """The mode a policy asks for; without an enforcing action there is only one."""
    if not enforces(policy):
        return PolicyMode.MONITOR_ONLY
    return PolicyMode.MONITOR if asks_to_monitor(policy) else PolicyMode.ENFORCE
