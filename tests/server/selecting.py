# SPDX-License-Identifier: Apache-2.0
"""Containers that policies select: a table of them, and which of them a policy is for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.fake_engine import FakeMembers
from tetragon_core.policy.parse import parse_policy
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import Container, Pod
from tetragon_core.workloads.table import Rank, WorkloadTable
from tetragon_server.policies.workload_filter import WorkloadFilters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.workload_filters import WorkloadFilter

__all__ = ["Host", "policy"]


def policy(selectors: str = "", *, namespace: str = "", hook: str = "") -> Policy:
    """A policy with these sections of its spec, in one line of YAML."""
    kind = "TracingPolicyNamespaced" if namespace else "TracingPolicy"
    where = f", namespace: {namespace}" if namespace else ""
    return parse_policy(f"""\
apiVersion: cilium.io/v1alpha1
kind: {kind}
metadata: {{name: some{where}}}
spec:
  {selectors or "options: []"}
  kprobes: [{{call: sys_read, syscall: true{hook}}}]
""")


class Host:
    """Containers of which something is known, and the filters of policies."""

    def __init__(self, *, with_kubernetes: bool = False) -> None:
        self.table = WorkloadTable(CgroupTable())
        self.table.expects_pods = self.table.is_kubernetes = with_kubernetes
        self.filters = WorkloadFilters(self.table)
        self.members = FakeMembers()

    def made(self, number: int) -> str:
        """A cgroup that a runtime has made, of which nothing else is known; the container's id."""
        container_id = f"{number:064x}"
        self.table.cgroups.add(number, f"/docker/{container_id}")
        return container_id

    def docker(self, number: int, name: str, image: str = "", **labels: str) -> None:
        """A container of no pod."""
        known = Container(
            id=self.made(number), runtime="docker", name=name, image=image, labels=labels
        )
        self.table.learn(known, Rank.RUNTIME, cgroup_id=number)

    def pod(self, number: int, namespace: str, name: str, **labels: str) -> None:
        """A container of a pod, as the API server tells it."""
        known = Container(id=self.made(number), runtime="containerd", name=name)
        pod = Pod(namespace=namespace, name=f"{name}-0", uid=f"uid-{number}", labels=labels)
        self.table.pods.learn(pod)
        self.table.learn(known, Rank.API, cgroup_id=number, pod=pod, pod_uid=pod.uid)

    def claim(self, wanted: Policy) -> Mapping[WorkloadFilter, int]:
        """As when it is loaded."""
        return asyncio.run(self.filters.claim(wanted, self._members))

    def selected(self, wanted: Policy) -> list[int]:
        """The containers that a policy with one filter is for, in the order of their numbers."""
        (number,) = self.claim(wanted).values()
        return self.having(number)

    def having(self, number: int) -> list[int]:
        """The containers that the kernel has this number for."""
        return sorted(home for home, bits in self.members.bits.items() if bits >> number & 1)

    async def _members(self) -> FakeMembers:
        return self.members
