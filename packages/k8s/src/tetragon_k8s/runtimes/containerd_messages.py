# SPDX-License-Identifier: Apache-2.0
"""Messages of containerd's API, as far as needed: api/services/{containers,namespaces}/v1."""

from __future__ import annotations

from typing import Final

from ..message_classes import message_classes

__all__ = ["MESSAGES"]

MESSAGES: Final = message_classes(
    "containerd",
    {
        "ListNamespacesRequest": {"filter": (1, "string")},
        "Namespace": {"name": (1, "string")},
        "ListNamespacesResponse": {"namespaces": (1, "Namespace*")},
        "GetContainerRequest": {"id": (1, "string")},
        "Container": {"id": (1, "string"), "labels": (2, "map"), "image": (3, "string")},
        "GetContainerResponse": {"container": (1, "Container")},
    },
)
"""By name."""
