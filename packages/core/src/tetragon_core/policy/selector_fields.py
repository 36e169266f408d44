# SPDX-License-Identifier: Apache-2.0
"""Every field of selectors; see `fields.py`."""

from __future__ import annotations

from typing import Final

from .model import (
    Action,
    ArgumentFilter,
    BinaryFilter,
    CapabilityFilter,
    ChangeFilter,
    LabelExpression,
    LabelSelector,
    NamespaceFilter,
    PidFilter,
    Workloads,
)
from .operators import ARGUMENT_OPERATORS, OPERATOR_ALIASES, OPERATOR_SYNONYMS
from .schema import Choice, Field, Integer, Items, Named, Record, String, Switch
from .task_names import CAPABILITY_SETS, NAMESPACES
from .written import WrittenSelector

__all__ = ["LABEL_SELECTOR", "SELECTOR", "TEXTS", "UNSIGNED_64", "WORKLOADS"]

TEXTS: Final = Items(String(texts=True))
MEMBERSHIP: Final = Choice(("In", "NotIn"))
SIGNED_32: Final = Integer(-(2**31), 2**31 - 1)
UNSIGNED_64: Final = Integer(0, 2**64 - 1)

LABEL_SELECTOR: Final = Record(
    LabelSelector,
    Field("matchLabels", Named(String())),
    Field(
        "matchExpressions",
        Items(
            Record(
                LabelExpression,
                Field("key", String(), required=True),
                Field(
                    "operator",
                    Choice(("In", "NotIn", "Exists", "DoesNotExist")),
                    required=True,
                ),
                Field("values", Items(String())),
            )
        ),
    ),
)

WORKLOADS: Final = (
    Field("podSelector", LABEL_SELECTOR),
    Field("containerSelector", LABEL_SELECTOR),
    Field("hostSelector", LABEL_SELECTOR),
)

ARGUMENT_FILTERS: Final = Items(
    Record(
        ArgumentFilter,
        Field("index", Integer()),
        Field("args", Items(Integer())),
        Field(
            "operator",
            Choice(ARGUMENT_OPERATORS, OPERATOR_SYNONYMS, OPERATOR_ALIASES),
            required=True,
        ),
        Field("values", TEXTS),
    )
)
BINARY_FILTERS: Final = Items(
    Record(
        BinaryFilter,
        Field(
            "operator",
            Choice(("In", "NotIn", "Prefix", "NotPrefix", "Postfix", "NotPostfix")),
            required=True,
        ),
        Field("values", TEXTS, required=True),
        Field("followChildren", Switch()),
    )
)
CAPABILITY_FILTERS: Final = Items(
    Record(
        CapabilityFilter,
        Field("type", Choice(CAPABILITY_SETS)),
        Field("operator", MEMBERSHIP, required=True),
        Field("isNamespaceCapability", Switch()),
        Field("values", TEXTS, required=True),
    )
)
ACTIONS: Final = Items(
    Record(
        Action,
        Field(
            "action",
            Choice(
                (
                    *("Post", "NoPost", "Sigkill", "Signal", "Override", "Set"),
                    *("GetUrl", "DnsLookup", "TrackSock", "UntrackSock"),
                    *("NotifyEnforcer", "CleanupEnforcerNotification"),
                )
            ),
            required=True,
        ),
        Field("argFqdn", String()),
        Field("argUrl", String()),
        Field("argError", SIGNED_32),
        Field("argSig", Integer()),
        Field("argSock", Integer()),
        Field("argIndex", Integer()),
        Field("argValue", Integer()),
        Field("argRegs", Items(String())),
        Field("argNewSymbol", String()),
        Field("argNewAddr", UNSIGNED_64, "arg_new_address"),
        Field("argNewOffset", Integer(-(2**63), 2**63 - 1)),
        Field("rateLimit", String()),
        Field("rateLimitScope", Choice(("thread", "process", "global"), may_be_empty=True)),
        Field("kernelStackTrace", Switch()),
        Field("userStackTrace", Switch()),
        Field("imaHash", Switch()),
    )
)

SELECTOR: Final = Record(
    WrittenSelector,
    Field("label", String()),
    Field(
        "matchPIDs",
        Items(
            Record(
                PidFilter,
                Field("operator", MEMBERSHIP, required=True),
                Field("values", Items(Integer()), required=True),
                Field("isNamespacePID", Switch()),
                Field("followForks", Switch()),
            )
        ),
        "match_pids",
    ),
    Field("matchArgs", ARGUMENT_FILTERS),
    Field("matchData", ARGUMENT_FILTERS),
    Field("matchReturnArgs", ARGUMENT_FILTERS),
    Field("matchBinaries", BINARY_FILTERS),
    Field("matchParentBinaries", BINARY_FILTERS),
    Field(
        "matchNamespaces",
        Items(
            Record(
                NamespaceFilter,
                Field("namespace", Choice(NAMESPACES), required=True),
                Field("operator", MEMBERSHIP, required=True),
                Field("values", TEXTS, required=True),
            )
        ),
    ),
    Field(
        "matchNamespaceChanges",
        Items(
            Record(
                ChangeFilter,
                Field("operator", MEMBERSHIP, required=True),
                Field("values", TEXTS, required=True),
            )
        ),
    ),
    Field("matchCapabilities", CAPABILITY_FILTERS),
    Field("matchCapabilityChanges", CAPABILITY_FILTERS),
    Field("matchWorkloads", Record(Workloads, *WORKLOADS)),
    Field("matchActions", ACTIONS),
    Field("matchReturnActions", ACTIONS),
    Field("macros", TEXTS),
)
