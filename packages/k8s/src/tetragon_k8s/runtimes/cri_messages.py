# SPDX-License-Identifier: Apache-2.0
"""Messages of CRI, as far as they are needed (k8s.io/cri-api/pkg/apis/runtime/v1/api.proto)."""

from __future__ import annotations

from typing import Final

from ..message_classes import message_classes

__all__ = ["MESSAGES"]

MESSAGES: Final = message_classes(
    "runtime.v1",
    {
        "VersionRequest": {"version": (1, "string")},
        "VersionResponse": {
            "version": (1, "string"),
            "runtime_name": (2, "string"),
            "runtime_version": (3, "string"),
            "runtime_api_version": (4, "string"),
        },
        "Filter": {"id": (1, "string")},
        "ImageSpec": {"image": (1, "string"), "user_specified_image": (18, "string")},
        "ContainerMetadata": {"name": (1, "string")},
        "Container": {
            "id": (1, "string"),
            "pod_sandbox_id": (2, "string"),
            "metadata": (3, "ContainerMetadata"),
            "image": (4, "ImageSpec"),
            "image_ref": (5, "string"),
        },
        "ListContainersRequest": {"filter": (1, "Filter")},
        "ListContainersResponse": {"containers": (1, "Container*")},
        "ContainerStatus": {"id": (1, "string"), "image": (8, "ImageSpec")},
        "ContainerStatusRequest": {"container_id": (1, "string"), "verbose": (2, "bool")},
        "ContainerStatusResponse": {"status": (1, "ContainerStatus"), "info": (2, "map")},
        "PodSandboxMetadata": {
            "name": (1, "string"),
            "uid": (2, "string"),
            "namespace": (3, "string"),
        },
        "PodSandbox": {
            "id": (1, "string"),
            "metadata": (2, "PodSandboxMetadata"),
            "labels": (5, "map"),
        },
        "ListPodSandboxRequest": {"filter": (1, "Filter")},
        "ListPodSandboxResponse": {"items": (1, "PodSandbox*")},
    },
)
"""By name. Both filters have their id at the same place."""
