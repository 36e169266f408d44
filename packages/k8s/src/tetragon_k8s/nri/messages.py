# SPDX-License-Identifier: Apache-2.0
"""The messages of NRI and ttrpc that are used: nri/pkg/api/api.proto, ttrpc/request.proto."""

from __future__ import annotations

from typing import Final

from tetragon_k8s.message_classes import message_classes

__all__ = [
    "EVENT_MASK",
    "PLUGIN_SERVICE",
    "RUNTIME_SERVICE",
    "START_CONTAINER",
    "UNIMPLEMENTED",
    "Nri",
    "Ttrpc",
]

PLUGIN_SERVICE: Final = "nri.pkg.api.v1alpha1.Plugin"
RUNTIME_SERVICE: Final = "nri.pkg.api.v1alpha1.Runtime"
START_CONTAINER: Final = 6
"""enum Event: the container has its cgroup, its program does not run yet."""
EVENT_MASK: Final = 1 << (START_CONTAINER - 1)
UNIMPLEMENTED: Final = 12
"""google.rpc.Code."""

Ttrpc: Final = message_classes(
    "ttrpc",
    {
        "Request": {
            "service": (1, "string"),
            "method": (2, "string"),
            "payload": (3, "bytes"),
            "timeout_nano": (4, "int64"),
        },
        "Status": {"code": (1, "int32"), "message": (2, "string")},
        "Response": {"status": (1, "Status"), "payload": (2, "bytes")},
    },
)
Nri: Final = message_classes(
    "nri.pkg.api.v1alpha1",
    {
        "RegisterPluginRequest": {"plugin_name": (1, "string"), "plugin_idx": (2, "string")},
        "ConfigureRequest": {"runtime_name": (2, "string"), "runtime_version": (3, "string")},
        "ConfigureResponse": {"events": (2, "int32")},
        "SynchronizeRequest": {
            "pods": (1, "PodSandbox*"),
            "containers": (2, "Container*"),
            "more": (3, "bool"),
        },
        "SynchronizeResponse": {"more": (2, "bool")},
        "StateChangeEvent": {
            "event": (1, "int32"),
            "pod": (2, "PodSandbox"),
            "container": (3, "Container"),
        },
        "StartContainerRequest": {"pod": (1, "PodSandbox"), "container": (2, "Container")},
        "PodSandbox": {
            "id": (1, "string"),
            "name": (2, "string"),
            "uid": (3, "string"),
            "namespace": (4, "string"),
            "labels": (5, "map"),
            "annotations": (6, "map"),
        },
        "Container": {
            "id": (1, "string"),
            "pod_sandbox_id": (2, "string"),
            "name": (3, "string"),
            "annotations": (6, "map"),
            "linux": (11, "LinuxContainer"),
        },
        "LinuxContainer": {"cgroups_path": (5, "string")},
    },
)
