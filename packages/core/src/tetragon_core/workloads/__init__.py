# SPDX-License-Identifier: Apache-2.0
"""Containers and pods: which one a process is in, as far as anybody has told.

    cgroups (BPF records, walk at start) ─► CgroupTable ─┐
    hook, NRI, CRI, docker, podman, runc ─► containers ──┼─► WorkloadTable ─► Workload of a process
    Kubernetes API ─────────────────────► pods ──────────┘                 └► policies that select

Pure data: no sockets, no files. Who asks runtimes and the API server is in tetragon_k8s.
"""

from __future__ import annotations
