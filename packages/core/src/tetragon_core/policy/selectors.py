# SPDX-License-Identifier: Apache-2.0
"""Selectors of a policy: filters on the call and on the process, and actions. Part of the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .nodes import Node, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Action",
    "ArgumentFilter",
    "BinaryFilter",
    "CapabilityFilter",
    "ChangeFilter",
    "LabelExpression",
    "LabelSelector",
    "NamespaceFilter",
    "PidFilter",
    "Selector",
    "Workloads",
]


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
