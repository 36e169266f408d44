# SPDX-License-Identifier: Apache-2.0
"""A hit of a policy's hook, as the sensor decoded it and as events carry it. No text formatting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .messages import ProcessKey

__all__ = ["ArgumentValue", "HookEvent", "HookInfo", "HookMessage", "StackFrame"]


class HookEvent(Enum):
    """Type of event a hook makes: a field of GetEventsResponse."""

    KPROBE = "process_kprobe"
    TRACEPOINT = "process_tracepoint"
    LSM = "process_lsm"
    UPROBE = "process_uprobe"
    USDT = "process_usdt"
    LOADER = "process_loader"
    """Its arguments are the path (string_arg) and the build id (bytes_arg) of what was loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookInfo:
    """What all hits of one hook have in common; made once, when the policy is loaded."""

    event: HookEvent
    policy_name: str
    policy_namespace: str = ""
    function_name: str = ""
    """Resolved symbol, or the name of an LSM hook; empty for the others."""
    subsystem: str = ""
    tracepoint: str = ""
    path: str = ""
    """File that a uprobe or USDT probe is in, as the policy has it."""
    symbol: str = ""
    """Of a uprobe: `name` or `name+offset`; empty where the policy gives an offset or address."""
    offset: int = 0
    """Of a uprobe, in the file; 0 where the policy gives a symbol."""
    ref_ctr_offset: int = 0
    provider: str = ""
    probe: str = ""
    """Of a USDT probe."""
    message: str = ""
    tags: tuple[str, ...] = ()


class ArgumentValue(NamedTuple):
    """One argument: the field of KprobeArgument it goes to, and that field's value.

    The value of a field that is a message is a mapping of that message's fields.
    """

    field: str
    value: object
    label: str = ""


class StackFrame(NamedTuple):
    """One frame of a stack trace, innermost first in its list."""

    address: int
    offset: int
    symbol: str
    """Empty when nothing is known at that address."""
    module: str = ""
    """Path of the mapped file of a user frame, empty for the kernel."""


class HookMessage(NamedTuple):
    """A hit that some selector wanted."""

    process: ProcessKey
    tid: int
    ktime_ns: int
    """Time of the entry, on the boot clock."""
    info: HookInfo
    action: int
    """Number of enum KprobeAction."""
    arguments: tuple[ArgumentValue, ...] = ()
    data: tuple[ArgumentValue, ...] = ()
    return_value: ArgumentValue | None = None
    return_action: int = 0
    kernel_stack: tuple[StackFrame, ...] = ()
    user_stack: tuple[StackFrame, ...] = ()
    is_monitored: bool = False
    """The policy was in monitor mode: `action` is what would have been done."""
    ima_hash: str = ""
    """`sha256:…`; empty unless a policy asks for it."""
