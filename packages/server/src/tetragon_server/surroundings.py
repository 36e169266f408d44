# SPDX-License-Identifier: Apache-2.0
"""What tells the agent of containers and pods while it runs: opened here, by the settings.

With `agent.py` the only module that knows tetragon_k8s. One row of OPENERS for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from .cgroup_walk import host_cgroups
from .host import host_root, read_hierarchy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tetragon_core.stats import Stats
    from tetragon_core.workloads.announcement import Announcement
    from tetragon_core.workloads.table import WorkloadTable
    from tetragon_k8s.cluster.api import Api

    from .config import AgentConfig
    from .policies.assembly import Policies

    Opener = Callable[["Place"], Iterable["Surrounding"]]

__all__ = ["OPENERS", "Place", "Surrounding", "open_surroundings"]


class Surrounding(Protocol):
    """Tells WorkloadTable, or the policies, of something outside of the agent."""

    async def start(self) -> None:
        """Begin, before the first cgroup and process are known; what takes long goes on in tasks.

        Raises TetragonError when the agent cannot run without it.
        """

    async def close(self) -> None:
        """End, and leave nothing behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a surrounding may need of the agent."""

    config: AgentConfig
    table: WorkloadTable
    stats: Stats
    node_name: str
    policies: Policies
    announce: Callable[[Announcement], None]
    """For containers that are about to start; raises TetragonError."""


def _nri(place: Place) -> Iterable[Surrounding]:
    if place.config.enable_nri:
        from tetragon_k8s.nri.plugin import NriPlugin  # noqa: PLC0415  # only if wanted

        yield NriPlugin(place.config.nri_socket, place.announce)


def _kubernetes(place: Place) -> Iterable[Surrounding]:
    config = place.config
    if not config.enable_k8s_api:
        return
    # What asks the API server takes 8 MB and 0.1 s; few agents need it.
    from tetragon_k8s.cluster.access import open_api  # noqa: PLC0415  # as said
    from tetragon_k8s.cluster.connection import Connection  # noqa: PLC0415  # as said
    from tetragon_k8s.cluster.pods import PodSource  # noqa: PLC0415  # as said

    api = open_api(config.k8s_kubeconfig_path)
    yield Connection(api, attempts=config.k8s_controlplane_retry)
    pods = PodSource(
        api,
        place.table,
        node_name=place.node_name,
        with_annotations=config.enable_pod_annotations,
    )
    place.stats.add_source(pods.counters)
    yield pods
    if config.enable_tracing_policy_crd:
        yield _cluster_policies(place, api)


def _cluster_policies(place: Place, api: Api) -> Surrounding:
    from tetragon_k8s.cluster.policies import PolicySource  # noqa: PLC0415  # as above
    from tetragon_k8s.cluster.policy_status import StatusWriter  # noqa: PLC0415  # as above

    from .cluster_policies import ClusterPolicySource  # noqa: PLC0415  # as above

    node = place.node_name
    return ClusterPolicySource(
        node,
        place.policies,
        follow=lambda listener: PolicySource(api, node, listener).run(),
        writer=StatusWriter(api, node) if place.config.enable_policy_status else None,
    )


def _runtimes(place: Place) -> Iterable[Surrounding]:
    config = place.config
    if not config.container_runtimes:
        return
    from tetragon_k8s.runtimes.opening import Host, Runtimes  # noqa: PLC0415  # as above

    procfs = Path(config.procfs)
    hierarchy = read_hierarchy(procfs)
    cgroups = host_cgroups(config.procfs, hierarchy)
    host = Host(host_root(procfs), config.procfs, cgroups, hierarchy)
    cri = config.cri_endpoint if config.enable_cri else None
    patience_s = config.container_lookup_timeout
    runtimes = Runtimes(config.container_runtimes, cri, host, place.table, patience_s)
    place.stats.add_source(runtimes.counters)
    yield runtimes


OPENERS: Final[Sequence[Opener]] = (_nri, _runtimes, _kubernetes)
"""Each looks at the settings and imports its part only if that is wanted."""


def open_surroundings(place: Place) -> Sequence[Surrounding]:
    """Those the settings want, not started. Raises TetragonError."""
    return [one for opener in OPENERS for one in opener(place)]
