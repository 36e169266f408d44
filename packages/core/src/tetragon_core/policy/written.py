# SPDX-License-Identifier: Apache-2.0
"""A policy as read from the tables in `fields.py`, before macros, lists and options are applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .model import (
    Enforcer,
    FunctionHook,
    LabelSelector,
    LsmHook,
    NamedList,
    Node,
    Selector,
    Text,
    TracepointHook,
    UprobeHook,
    UsdtHook,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Metadata", "Option", "WrittenPolicy", "WrittenSelector", "WrittenSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSelector(Selector):
    """A selector, or a macro, that still names the macros to merge in."""

    macros: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Node):
    """One of `options`."""

    name: Text
    value: Text = field(default_factory=lambda: Text(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSpec(Node):
    """`spec`, section by section."""

    kprobes: tuple[FunctionHook, ...] = ()
    fentries: tuple[FunctionHook, ...] = ()
    tracepoints: tuple[TracepointHook, ...] = ()
    lsmhooks: tuple[LsmHook, ...] = ()
    uprobes: tuple[UprobeHook, ...] = ()
    usdts: tuple[UsdtHook, ...] = ()
    loader: bool = False
    lists: tuple[NamedList, ...] = ()
    enforcers: tuple[Enforcer, ...] = ()
    options: tuple[Option, ...] = ()
    pod_selector: LabelSelector | None = None
    container_selector: LabelSelector | None = None
    host_selector: LabelSelector | None = None
    node_selector: LabelSelector | None = None
    selectors_macros: Mapping[str, WrittenSelector] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata(Node):
    """`metadata`; what only Kubernetes needs is not kept."""

    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPolicy(Node):
    """The whole document."""

    api_version: str = ""
    kind: str = ""
    metadata: Metadata | None = None
    spec: WrittenSpec | None = None
