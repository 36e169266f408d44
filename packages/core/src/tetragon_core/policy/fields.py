# SPDX-License-Identifier: Apache-2.0
"""Every field of the custom resource: key, kind, whether it is required. Defaults are the model's.

Facts: the CRD of Tetragon, pkg/k8s/apis/cilium.io/v1alpha1. What the types cannot say is checked in
the `*_checks.py` beside this file.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from .argument_types import ARGUMENT_TYPES
from .model import (
    Argument,
    Enforcer,
    FunctionHook,
    HookKind,
    LsmHook,
    NamedList,
    TracepointHook,
    UprobeHook,
    UsdtHook,
)
from .schema import Choice, Field, Integer, Items, Named, Record, String, Switch
from .selector_fields import LABEL_SELECTOR, SELECTOR, TEXTS, UNSIGNED_64, WORKLOADS
from .written import Metadata, Option, WrittenPolicy, WrittenSpec

__all__ = ["API_VERSION", "NAMESPACED_KIND", "POLICY", "POLICY_KINDS"]

API_VERSION: Final = "cilium.io/v1alpha1"
NAMESPACED_KIND: Final = "TracingPolicyNamespaced"
POLICY_KINDS: Final = ("TracingPolicy", NAMESPACED_KIND)

LIST_TYPES: Final = ("syscalls", "generated_syscalls", "generated_ftrace")

ARGUMENT_FIELDS: Final = (
    Field("type", Choice(tuple(ARGUMENT_TYPES))),
    Field("resolve", String()),
    Field("btfType", String()),
    Field("btfTypeModule", String()),
    Field("source", Choice(("current_task", "pt_regs"), may_be_empty=True)),
    Field("sizeArgIndex", Integer()),
    Field("returnCopy", Switch()),
    Field("maxData", Switch()),
    Field("label", String()),
)
ARGUMENT: Final = Record(Argument, Field("index", Integer(), required=True), *ARGUMENT_FIELDS)
INDEX_FREE_ARGUMENT: Final = Record(
    partial(Argument, index=0), Field("index", Integer()), *ARGUMENT_FIELDS
)

HOOK_FIELDS: Final = (
    Field("args", Items(ARGUMENT)),
    Field("selectors", Items(SELECTOR)),
    Field("message", String()),
    Field("tags", Items(String())),
)
RETURN_FIELDS: Final = (
    Field("data", Items(INDEX_FREE_ARGUMENT)),
    Field("return", Switch(), "returns"),
    Field("returnArg", INDEX_FREE_ARGUMENT),
)
FUNCTION_FIELDS: Final = (
    Field("call", String(filled=True), required=True),
    Field("syscall", Switch()),
    Field("returnArgAction", Choice(("TrackSock", "UntrackSock"), may_be_empty=True)),
    Field(
        "ignore",
        Record(
            lambda call_not_found=False, **_: call_not_found,
            Field("callNotFound", Switch()),
        ),
        "ignore_call_not_found",
    ),
    *RETURN_FIELDS,
    *HOOK_FIELDS,
)
TRACEPOINT: Final = Record(
    partial(TracepointHook, kind=HookKind.TRACEPOINT),
    Field("subsystem", String(filled=True), required=True),
    Field("event", String(filled=True), required=True),
    Field("raw", Switch()),
    *HOOK_FIELDS,
)
UPROBE: Final = Record(
    partial(UprobeHook, kind=HookKind.UPROBE),
    Field("path", String(filled=True), required=True),
    Field("btfPath", String()),
    Field("symbols", Items(String())),
    Field("offsets", Items(UNSIGNED_64)),
    Field("addrs", Items(UNSIGNED_64)),
    Field("refCtrOffsets", Items(UNSIGNED_64)),
    Field("binaryDigests", Items(String())),
    Field(
        "ignore",
        Record(
            lambda digest_verification_failure=False, **_: digest_verification_failure,
            Field("digestVerificationFailure", Switch()),
        ),
        "ignore_digest_failure",
    ),
    *RETURN_FIELDS,
    *HOOK_FIELDS,
)
USDT: Final = Record(
    partial(UsdtHook, kind=HookKind.USDT),
    Field("path", String(filled=True), required=True),
    Field("provider", String(filled=True), required=True),
    Field("name", String(filled=True), required=True),
    Field("btfPath", String()),
    *HOOK_FIELDS,
)
LSM_HOOK: Final = Record(
    partial(LsmHook, kind=HookKind.LSM),
    Field("hook", String(filled=True), required=True),
    *HOOK_FIELDS,
)
LIST: Final = Record(
    NamedList,
    Field("name", String(filled=True), required=True),
    Field("type", Choice(LIST_TYPES, may_be_empty=True)),
    Field("values", TEXTS),
    Field("pattern", String()),
    ignored=("validated",),
)

SPEC: Final = Record(
    WrittenSpec,
    Field("kprobes", Items(Record(partial(FunctionHook, kind=HookKind.KPROBE), *FUNCTION_FIELDS))),
    Field("fentries", Items(Record(partial(FunctionHook, kind=HookKind.FENTRY), *FUNCTION_FIELDS))),
    Field("tracepoints", Items(TRACEPOINT)),
    Field("lsmhooks", Items(LSM_HOOK)),
    Field("uprobes", Items(UPROBE)),
    Field("usdts", Items(USDT)),
    Field("loader", Switch()),
    Field("lists", Items(LIST)),
    Field("enforcers", Items(Record(Enforcer, Field("calls", TEXTS, required=True)))),
    Field(
        "options",
        Items(
            Record(
                Option,
                Field("name", String(texts=True, filled=True), required=True),
                Field("value", String(texts=True)),
            )
        ),
    ),
    *WORKLOADS,
    Field("nodeSelector", LABEL_SELECTOR),
    Field("selectorsMacros", Named(SELECTOR)),
)

METADATA: Final = Record(
    Metadata,
    Field("name", String(filled=True), required=True),
    Field("namespace", String()),
    Field("labels", Named(String())),
    Field("annotations", Named(String())),
    ignored=(
        *("generateName", "selfLink", "uid", "resourceVersion", "generation"),
        *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
        *("ownerReferences", "finalizers", "managedFields"),
    ),
)

POLICY: Final = Record(
    WrittenPolicy,
    Field("apiVersion", Choice((API_VERSION,)), required=True),
    Field("kind", Choice(POLICY_KINDS), required=True),
    Field("metadata", METADATA, required=True),
    Field("spec", SPEC, required=True),
)
