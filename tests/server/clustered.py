# SPDX-License-Identifier: Apache-2.0
"""Policies of an API server that a test speaks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from server.fake_engine import policy_text
from tetragon_server.policies.entry import Domain, PolicyKey
from tetragon_server.policies.resource import Resource, resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.successive import Host
    from tetragon_server.policies.cluster import ClusterPolicies
    from tetragon_server.policies.entry import PolicyEntry

NODE = "node1"
KILLS = "      selectors:\n        - matchActions:\n            - action: Sigkill\n"


def key_of(name: str = "a", namespace: str = "") -> PolicyKey:
    """The key of a policy of the cluster."""
    return PolicyKey(name, namespace, Domain.KUBERNETES)


def resource(
    call: str = "v1",
    *,
    name: str = "a",
    namespace: str = "",
    generation: int = 1,
    message: str = "",
    more: str = "",
    spec: Mapping[str, Any] | None = None,
) -> Resource:
    """What the API server has; versions are told apart by the function."""
    found = yaml.safe_load(policy_text(name, call=call, message=message, more=more))
    kind = "TracingPolicyNamespaced" if namespace else "TracingPolicy"
    found["kind"] = kind
    found["metadata"] |= {"generation": generation, "uid": f"uid of {name}"}
    if namespace:
        found["metadata"]["namespace"] = namespace
    found["spec"] |= spec or {}
    return resource_of(found, kind, NODE)


class Cluster:
    """The policies of one agent, and what it wrote into their status."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.statuses: dict[PolicyKey, Mapping[str, Any]] = {}
        self.policies: ClusterPolicies
        self.connect()

    def connect(self) -> None:
        """Begin with the agent that was started last."""
        self.policies = self._host.policies.cluster()
        self.policies.tell = self._take
        self.statuses.clear()
        self._told: set[PolicyKey] = set()

    def _take(self, resource: Resource, status: Mapping[str, Any]) -> None:
        self.statuses[resource.key] = status

    def list(self, *resources: Resource, is_namespaced: bool = False) -> None:
        """The API server gives a whole list; what it told before and is not in it is gone."""
        told = {one.key for one in resources}
        for key in self._told - told:
            if bool(key.namespace) is is_namespaced:
                self.policies.gone(key)
        for one in resources:
            self.policies.changed(one)
        self.policies.listed(is_namespaced=is_namespaced)
        self._told = {key for key in self._told if bool(key.namespace) is not is_namespaced} | told
        self.settle()

    def change(self, resource: Resource) -> None:
        """The API server tells of a new version."""
        self.policies.changed(resource)
        self.settle()

    def settle(self) -> None:
        """The agent does what is pending."""
        self._host.api.run(self.policies.settle())

    def status(self, name: str = "a", namespace: str = "") -> Mapping[str, Any]:
        """What was told last."""
        return self.statuses[key_of(name, namespace)]

    def entry(self, name: str = "a", namespace: str = "") -> PolicyEntry:
        """What the manager has."""
        return self._host.policies.manager.find(key_of(name, namespace))
