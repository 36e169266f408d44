# SPDX-License-Identifier: Apache-2.0
"""A policy as its author wrote it: typed, macros applied, nothing checked against a kernel.

Names are those of the CRD in snake case. Every node knows where it stands in the file, so that a
later pass can point at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
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


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a policy file; line and column count from 1."""

    path: str
    """YAML path, such as `spec.kprobes[0].args[1].type`."""
    line: int = 0
    column: int = 0


NOWHERE = Where("")


@dataclass(frozen=True, slots=True)
class Text:
    """One scalar value as it was written."""

    value: str
    where: Where = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What all parts of a policy have."""

    where: Where = field(default=NOWHERE, compare=False, repr=False)
    places: Mapping[str, Where] = field(default_factory=dict, compare=False, repr=False)
    """Where each field stands that was written, by the attribute's name; `name[i]` for items."""

    def at(self, name: str, index: int | None = None) -> Where:
        """Where a field, or one of its items, stands; the whole node if that was not written."""
        item = None if index is None else self.places.get(f"{name}[{index}]")
        return item or self.places.get(name) or self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelExpression(Node):
    """One of a selector's matchExpressions."""

    key: str
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector(Node):
    """Kubernetes label selector; empty selects everything."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelExpression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads(Node):
    """Whose processes are meant; None where the policy does not say."""

    pod_selector: LabelSelector | None = None
    container_selector: LabelSelector | None = None
    host_selector: LabelSelector | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentFilter(Node):
    """One of matchArgs, matchData or matchReturnArgs."""

    index: int = 0
    """As written; `args` says the same and is always there in matchArgs and matchData."""
    args: tuple[int, ...] = ()
    """Positions in the hook's `args` (matchData: `data`); two only for CapabilitiesGained."""
    operator: str
    """One of operators.ARGUMENT_OPERATORS: GreaterThan is "GT", NotSportPriv "NotSPortPriv"."""
    values: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PidFilter(Node):
    """One of matchPIDs."""

    operator: str
    values: tuple[int, ...]
    is_namespace_pid: bool = False
    follow_forks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryFilter(Node):
    """One of matchBinaries or matchParentBinaries."""

    operator: str
    values: tuple[Text, ...]
    follow_children: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceFilter(Node):
    """One of matchNamespaces; a value is an inode number or `host_ns`."""

    namespace: str
    operator: str
    values: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityFilter(Node):
    """One of matchCapabilities or matchCapabilityChanges."""

    type: str = "Effective"
    operator: str
    is_namespace_capability: bool = False
    values: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter(Node):
    """One of matchNamespaceChanges."""

    operator: str
    values: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Node):
    """One of matchActions or matchReturnActions."""

    action: str
    arg_fqdn: str = ""
    arg_url: str = ""
    arg_error: int = 0
    arg_sig: int = 0
    arg_sock: int = 0
    arg_index: int = 0
    arg_value: int = 0
    arg_regs: tuple[str, ...] = ()
    arg_new_symbol: str = ""
    arg_new_address: int = 0
    arg_new_offset: int = 0
    rate_limit: str = ""
    rate_limit_scope: str = ""
    kernel_stack_trace: bool = False
    user_stack_trace: bool = False
    ima_hash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector(Node):
    """Filters that all have to hold, and what is done then. Macros are already merged in."""

    label: str = ""
    match_pids: tuple[PidFilter, ...] = ()
    match_args: tuple[ArgumentFilter, ...] = ()
    match_data: tuple[ArgumentFilter, ...] = ()
    match_return_args: tuple[ArgumentFilter, ...] = ()
    match_binaries: tuple[BinaryFilter, ...] = ()
    match_parent_binaries: tuple[BinaryFilter, ...] = ()
    match_namespaces: tuple[NamespaceFilter, ...] = ()
    match_namespace_changes: tuple[ChangeFilter, ...] = ()
    match_capabilities: tuple[CapabilityFilter, ...] = ()
    match_capability_changes: tuple[CapabilityFilter, ...] = ()
    match_workloads: Workloads | None = None
    match_actions: tuple[Action, ...] = ()
    match_return_actions: tuple[Action, ...] = ()


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
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    spec: Spec
    source: str = ""
    """File name, or how the policy came; the start of each error about it."""
