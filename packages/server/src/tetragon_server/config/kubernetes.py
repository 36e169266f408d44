# SPDX-License-Identifier: Apache-2.0
"""Options: containers and Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

from tetragon_core.errors import UsageError

from .kinds import number
from .option import option

__all__ = ["KubernetesOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class KubernetesOptions:
    """Where the names of containers and pods come from."""

    event_cache_retries: int = option(
        15,
        "Times event-cache-retry-delay: how long an event waits for the container or pod of its"
        " process.",
        number(minimum=0),
    )
    event_cache_retry_delay: int = option(2, "Seconds; see event-cache-retries.", number(minimum=0))
    event_waiting_size: int = option(
        16384,
        "Events that may wait for container or pod; more leave without.",
        number(minimum=0),
        is_ours=True,
    )
    deleted_pod_cache_size: int = option(
        1024, "Pods that are still known after their end.", number(minimum=0)
    )
    enable_cgidmap: bool = option(
        default=False, text="The whole container id in `docker`, instead of 31 characters."
    )
    enable_nri: bool = option(
        default=False,
        text="Be an NRI plugin of containerd or CRI-O, which then tells of containers before their"
        " programs run.",
        is_ours=True,
    )
    nri_socket: str = option("/var/run/nri/nri.sock", "Socket of the runtime's NRI.", is_ours=True)
    enable_k8s_api: bool = option(
        default=False, text="Ask Kubernetes' API server for pods, and for policies."
    )
    enable_tracing_policy_crd: bool = option(
        default=True,
        text="Follow custom resources TracingPolicy and TracingPolicyNamespaced, with"
        " enable-k8s-api.",
    )
    enable_policy_status: bool = option(
        default=True,
        text="Write into the status of these resources what became of them on this node.",
        is_ours=True,
    )

    k8s_kubeconfig_path: str = option(
        "", "File that says how to reach the API server; empty: as a pod of its cluster."
    )
    k8s_controlplane_retry: int = option(
        1,
        "Times the API server is tried before the start fails; negative: start without it, and try"
        " on.",
        number(),
        differs="with a negative number the agent does not wait for it",
    )
    enable_pod_annotations: bool = option(
        default=False, text="Pods of events have their annotations."
    )

    @property
    def has_cluster_policies(self) -> bool:
        """Whether policies come from Kubernetes' API server."""
        return self.enable_k8s_api and self.enable_tracing_policy_crd

    enable_policy_filter: bool = option(
        default=True,
        text="Load policies that are for some workloads only (podSelector, containerSelector,"
        " hostSelector, a namespace); otherwise they are refused.",
        differs="the default is true: it needs nothing else, and costs other policies nothing",
    )
    enable_policy_filter_debug: bool = option(
        default=False, text="Log each change of the policies that a container is selected by."
    )

    def check_kubernetes(self) -> None:
        """Raise UsageError for a number of tries that is none."""
        if self.k8s_controlplane_retry == 0:
            raise UsageError(
                "k8s-controlplane-retry is 0; write how often to try, or -1 to start without the"
                " API server"
            )

    @property
    def pod_wait_s(self) -> float:
        """How long an event waits for the container or pod of its process."""
        return float(self.event_cache_retries * self.event_cache_retry_delay)
