# SPDX-License-Identifier: Apache-2.0
"""What a policy comes to on one kernel: per hook, what is attached where, read when, and sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from .tables import NO_TABLES, ProcessTables
from .workloads import NO_GATES

if TYPE_CHECKING:
    from tetragon_core.hooks import HookInfo
    from tetragon_core.policy.model import BinaryFilter, Selector
    from tetragon_core.policy.problems import Problem
    from tetragon_sensors.binaries.binary import Binary
    from tetragon_sensors.kernel.btf import Step
    from tetragon_sensors.kernel.maps import MapSpec

    from .frames import Frame
    from .loads import LoaderPlan
    from .types.base import ArgumentType
    from .workloads import Gate, Gates

__all__ = [
    "ArgumentPlan",
    "Array",
    "Denial",
    "Guarding",
    "HookPlan",
    "Method",
    "Plan",
    "Source",
    "Target",
    "Timing",
]


class Method(Enum):
    """How a program is attached, as `tracingpolicy list` shows it."""

    FENTRY = "fentry"
    FEXIT = "fexit"
    KPROBE = "kprobe"
    KRETPROBE = "kretprobe"
    KPROBE_MULTI = "kprobe-multi"
    KRETPROBE_MULTI = "kretprobe-multi"
    TRACEPOINT = "tracepoint"
    RAW_TRACEPOINT = "raw-tracepoint"
    FMOD_RET = "fmod_ret"
    LSM = "lsm"
    UPROBE = "uprobe"
    URETPROBE = "uretprobe"
    UPROBE_MULTI = "uprobe-multi"
    URETPROBE_MULTI = "uretprobe-multi"


class Timing(Enum):
    """Which part of a call a program sees and reports."""

    ENTRY = "entry"
    EXIT = "exit"
    """Arguments and result at once, when the function returns."""
    ENTRY_HALF = "entry-half"
    """Arguments; the result follows from the program that sees the return."""
    RETURN_HALF = "return-half"
    VERDICT = "verdict"
    """Reports nothing: applies what another program decided about the thread's call."""
    VERDICT_END = "verdict-end"
    """The call is over, and with it what was decided about it."""
    HASH = "hash"
    """Reports nothing: hashes the file for the program that acts."""
    DEFERRED = "deferred"
    """Acts and reports what another program decided on the same call."""


class Denial(Enum):
    """How a program makes a call fail."""

    NONE = "none"
    RETURNED = "returned"
    """It returns the error itself (fmod_ret, LSM)."""
    KEPT = "kept"
    """It leaves the error for a program inside the call (Timing.VERDICT)."""
    REGISTERS = "registers"
    """It writes the registers that the process goes on with (uprobes)."""


class Source(Enum):
    """Where the raw value of an argument comes from."""

    ARGUMENT = "argument"
    RESULT = "result"
    CURRENT_TASK = "current_task"
    REGISTER = "pt_regs"
    KEPT = "kept"
    """The raw value as the entry of the call saw it."""


@dataclass(frozen=True, slots=True)
class Array:
    """Elements of an array."""

    count: int
    element_bytes: int
    is_text: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentPlan:
    """One argument of an event."""

    type: ArgumentType
    index: int
    """Position in the function's, syscall's or tracepoint's own list."""
    source: Source = Source.ARGUMENT
    steps: tuple[Step, ...] = ()
    """After the last one the register is the value, or the address of `load_bytes` of it."""
    load_bytes: int = 0
    """0: the register is the value itself."""
    bit_offset: int = 0
    bit_size: int = 0
    """Of a bit field in what was loaded; 0: all of it."""
    register_offset: int = 0
    """Of Source.REGISTER, in struct pt_regs."""
    register_bytes: int = 8
    size_index: int | None = None
    """Argument that holds the number of bytes (0-based)."""
    size_is_result: bool = False
    """returnCopy: the bytes are there when the function returns, as many as it returned."""
    max_data: bool = False
    """Bytes that do not fit into a record follow in others."""
    array: Array | None = None
    """Of an array in a tracepoint's record."""
    of_user: bool = False
    """A user process chose the value: as an address it must be one of user space, else a process
    could have the agent read the kernel's memory."""
    in_user: bool = False
    """`steps` go through the memory of the process."""
    label: str = ""
    position: int = 0
    """In the event: args from 0, then data."""
    slot: int = 0
    """Offset in the record."""
    text: str = ""
    """As `explain` names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place a program is attached to, and the hook its records name."""

    symbol: str
    """Kernel symbol, `subsystem/event`, or the name of a raw tracepoint."""
    hook: int
    """Number of the hook, unique in the agent."""
    info: HookInfo
    type_id: int = 0
    """BTF id of the function (fentry, fexit)."""
    tracepoint_id: int = 0
    binary: Binary | None = None
    """The file that a uprobe is in, held open."""
    offset: int = 0
    """Of a uprobe in that file, whatever the policy names it by."""


@dataclass(frozen=True, slots=True)
class Guarding:
    """Place among programs on the same calls, of which one acts (guarding.py)."""

    turn: int
    """0: the first, which the others guard."""
    before: tuple[int, ...]
    """Notes of those before it."""
    note: int | None
    """Its own; None: nobody comes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlan:
    """One generated program: all its targets are alike."""

    method: Method
    timing: Timing
    frame: Frame
    targets: tuple[Target, ...]
    arguments: tuple[ArgumentPlan, ...] = ()
    """`args`, then `data`."""
    data_from: int = 0
    """First position that belongs to the data."""
    result: ArgumentPlan | None = None
    kept: ArgumentPlan | None = None
    """Its raw value is kept for the program that sees the return."""
    selectors: tuple[Selector, ...] = ()
    record_bytes: int = 0
    """Header and slots."""
    result_action: str = ""
    """TrackSock or UntrackSock of what is returned."""
    uses_cookie: bool = False
    sleeps: bool = False
    """The program may wait for pages of the process that are not in memory."""
    tables: ProcessTables = NO_TABLES
    """Those of the policy."""
    denial: Denial = Denial.NONE
    denied_by: str = ""
    """Way of attaching of the programs that apply what was kept; empty: this one denies."""
    wants: frozenset[str] = frozenset()
    """Of a program of Timing.VERDICT: what it applies, `error` and `signal`."""
    never_kill: BinaryFilter | None = None
    """Executables that get no signal."""
    ima_hash: ArgumentPlan | None = None
    """Among the arguments: the hash of the file."""
    gate: Gate | None = None
    """Which workloads the policy is for; None: every one."""
    gates: Gates = NO_GATES
    """The same of its selectors."""
    guarding: Guarding | None = None
    """Of a program that is guarded, and of its guards."""
    tracks_socks: bool = False
    """Some hook of the policy tracks sockets, so that those of this one may be tracked."""

    @property
    def is_guard(self) -> bool:
        """Whether it acts only when the kernel skips another."""
        return self.guarding is not None and self.guarding.turn > 0

    @property
    def asks_gate_first(self) -> bool:
        """Whether the gate comes before everything; else it is among the only selector's filters,
        after those that look at registers.
        """
        return len(self.selectors) != 1 or self.sleeps

    @property
    def is_silent(self) -> bool:
        """Whether it does what another program of the hook decides, or has failed to."""
        return self.is_guard or self.timing in _PARTS

    @property
    def is_return_half(self) -> bool:
        """Whether its records belong to an entry that another program reported."""
        return self.timing is Timing.RETURN_HALF


_PARTS: Final = {Timing.VERDICT, Timing.VERDICT_END, Timing.HASH, Timing.DEFERRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of a policy."""

    policy_name: str
    namespace: str = ""
    hooks: tuple[HookPlan, ...] = ()
    skipped: tuple[str, ...] = ()
    """Calls that this kernel does not have and the policy says to ignore."""
    impossible: tuple[str, ...] = ()
    """Functions there is no way to attach to here, while other hooks of the policy work."""
    rejected: tuple[str, ...] = ()
    """Places in files that do not have the digest the policy wants, and it says to go on."""
    warnings: tuple[Problem, ...] = field(default=())
    tables: ProcessTables = NO_TABLES
    maps: tuple[MapSpec, ...] = ()
    """Of the policy, beside those of the tables."""
    loader: LoaderPlan | None = None
    """Of `loader: true`."""
    enforces: bool = False
    """Some selector asks for more than events."""
    gate: Gate | None = None
    """Which workloads it is for; None: every one."""
    gates: Gates = NO_GATES
    """Of the policy and of its selectors."""
