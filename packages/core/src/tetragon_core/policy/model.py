# SPDX-License-Identifier: Apache-2.0
"""A policy as its author wrote it: typed, macros applied, nothing checked against a kernel.

Names are those of the CRD in snake case. Every node knows where it stands in the file, so that a
later pass can point at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from .nodes import NOWHERE, Node, Text, Where
from .selectors import (
    Action,
    ArgumentFilter,
    BinaryFilter,
    CapabilityFilter,
    ChangeFilter,
    LabelExpression,
    LabelSelector,
    NamespaceFilter,
    PidFilter,
    Selector,
    Workloads,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NOWHERE",
    "Action",
    "Argument",
    "ArgumentFilter",
    "BinaryFilter",
    "CapabilityFilter",
    "ChangeFilter",
    "Enforcer",
    "FunctionHook",
    "Hook",
    "HookKind",
    "LabelExpression",
    "LabelSelector",
    "LsmHook",
    "NamedList",
    "NamespaceFilter",
    "Node",
    "PidFilter",
    "Policy",
    "Selector",
    "Spec",
    "Text",
    "TracepointHook",
    "UprobeHook",
    "UsdtHook",
    "Where",
    "Workloads",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument(Node):
    """One of `args` or `data`, or the `returnArg`."""

    index: int
    type: str = "auto"
    resolve: str = ""
    btf_type: str = ""
    btf_type_module: str = ""
    source: str = ""
    """`current_task` or `pt_regs`; only in `data`."""
    size_arg_index: int = 0
    """1-based number of the argument that holds this one's size; 0: none."""
    return_copy: bool = False
    max_data: bool = False
    label: str = ""


class HookKind(Enum):
    """Section of the spec a hook stands in."""

    KPROBE = "kprobes"
    FENTRY = "fentries"
    TRACEPOINT = "tracepoints"
    LSM = "lsmhooks"
    UPROBE = "uprobes"
    USDT = "usdts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook(Node):
    """What the hooks of every section have."""

    kind: HookKind
    args: tuple[Argument, ...] = ()
    selectors: tuple[Selector, ...] = ()
    message: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionHook(Hook):
    """One of `kprobes` or `fentries`."""

    call: str
    """A kernel symbol, or `list:NAME`."""
    syscall: bool = True
    """Decided by the parser where the policy does not say: by the list's type, or the name."""
    returns: bool = False
    """`return: true`: report the return value too."""
    data: tuple[Argument, ...] = ()
    return_arg: Argument | None = None
    return_arg_action: str = ""
    ignore_call_not_found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TracepointHook(Hook):
    """One of `tracepoints`."""

    subsystem: str
    event: str
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LsmHook(Hook):
    """One of `lsmhooks`."""

    hook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UprobeHook(Hook):
    """One of `uprobes`."""

    path: str
    symbols: tuple[str, ...] = ()
    offsets: tuple[int, ...] = ()
    addrs: tuple[int, ...] = ()
    ref_ctr_offsets: tuple[int, ...] = ()
    btf_path: str = ""
    data: tuple[Argument, ...] = ()
    returns: bool = False
    return_arg: Argument | None = None
    binary_digests: tuple[str, ...] = ()
    ignore_digest_failure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UsdtHook(Hook):
    """One of `usdts`."""

    path: str
    provider: str
    name: str
    btf_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedList(Node):
    """One of `lists`."""

    name: str
    type: str = ""
    """Empty, `syscalls`, `generated_syscalls` or `generated_ftrace`."""
    values: tuple[Text, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcer(Node):
    """One of `enforcers`."""

    calls: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec(Node):
    """`spec` of a policy."""

    hooks: tuple[Hook, ...] = ()
    """Of all sections, in the order kprobes, fentries, tracepoints, lsmhooks, uprobes, usdts."""
    loader: bool = False
    lists: tuple[NamedList, ...] = ()
    enforcers: tuple[Enforcer, ...] = ()
    options: Mapping[str, Text] = field(default_factory=dict)
    workloads: Workloads = field(default_factory=Workloads)
    node_selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Node):
    """One document of kind TracingPolicy or TracingPolicyNamespaced; places are of metadata."""

    name: str
    namespace: str = ""
    """Empty: the whole host (kind TracingPolicy)."""
    selects_namespace: bool = True
    """False: there are no pods of that namespace; it is a part of the name alone."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    spec: Spec
    source: str = ""
    """File name, or how the policy came; the start of each error about it."""
