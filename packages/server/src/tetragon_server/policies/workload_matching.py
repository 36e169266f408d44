# SPDX-License-Identifier: Apache-2.0
"""Whether a container is one that a filter of a policy means, by what is known of it now.

Who knows nothing yet is not guessed at: a condition that a label is missing holds only once the
labels are known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.policy.workload_filters import NAMESPACE_LABEL
from tetragon_core.workloads.known import RUNTIMES
from tetragon_core.workloads.labels import NEGATIVE, Requirement, condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_core.policy.workload_filters import WorkloadFilter
    from tetragon_core.workloads.model import Container, Pod, Workload

    Labels = Mapping[str, str]

__all__ = ["Traits", "compile_filter", "never_matches", "repository", "traits_of"]

_PSEUDO: Final = frozenset(("name", "repo"))
_DIGEST: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


class Traits(NamedTuple):
    """What filters look at of one container."""

    namespace: str
    pod: Labels
    container: Labels
    is_certain: bool
    """Nobody is expected to tell more."""


def traits_of(workload: Workload, *, is_certain: bool, with_kubernetes: bool) -> Traits:
    """`with_kubernetes`: namespaces and labels of pods are those of the API server.

    A container outside of all pods has none then: what its image says of itself must not put it
    into a tenant's namespace.
    """
    pod, container = workload.pod, workload.container
    if pod is not None and with_kubernetes and not pod.is_kubernetes:
        pod = None
    return Traits(
        namespace=pod.namespace if pod is not None else "",
        pod=_pod_labels(pod),
        container=_container_labels(container),
        is_certain=is_certain,
    )


def _pod_labels(pod: Pod | None) -> Labels:
    return {} if pod is None else {**pod.labels, NAMESPACE_LABEL: pod.namespace}


def _container_labels(container: Container | None) -> Labels:
    if container is None:
        return {}
    told = (("name", container.name), ("repo", repository(container.image)))
    return {name: value for name, value in told if value}


def repository(image: str) -> str:
    """An image's reference without tag and digest; empty for a digest alone."""
    if _DIGEST.fullmatch(image):
        return ""
    name, at, _ = image.partition("@")
    if at and not name:
        return ""
    above, slash, last = name.rpartition("/")
    return above + slash + last.partition(":")[0]


def compile_filter(wanted: WorkloadFilter) -> Callable[[Traits], bool]:
    """Does the filter mean containers like this?"""
    namespace, has_all = wanted.namespace, wanted.has_all_containers
    of_pod = [(one, condition(*one)) for one in wanted.pod]
    of_container = [(one, condition(*one)) for one in wanted.container]

    def means(traits: Traits) -> bool:
        if not wanted.has_containers:
            return False
        if has_all:
            return True
        if namespace and traits.namespace != namespace:
            return False
        return _hold(of_pod, traits.pod, traits) and _hold(of_container, traits.container, traits)

    return means


def _hold(
    conditions: list[tuple[Requirement, Callable[[Labels], bool]]], labels: Labels, traits: Traits
) -> bool:
    for wanted, holds in conditions:
        if not holds(labels):
            return False
        if not traits.is_certain and wanted.operator in NEGATIVE and wanted.key not in labels:
            return False
    return True


def never_matches(wanted: WorkloadFilter, *, with_kubernetes: bool) -> str:
    """Why it is likely that no container is ever meant; empty when some may be."""
    if not wanted.has_containers or wanted.has_host:
        return ""
    for one in wanted.container:
        if one.key not in _PSEUDO and one.operator not in NEGATIVE:
            return f"containerSelector asks for {one.key}; containers have name and repo alone"
    named = tuple(one for one in wanted.pod if one.key == NAMESPACE_LABEL)
    if wanted.namespace:
        named += (Requirement(NAMESPACE_LABEL, "In", frozenset((wanted.namespace,))),)
    if _contradicts(wanted.pod + named) or _contradicts(wanted.container):
        return "its conditions contradict each other"
    labels = ({NAMESPACE_LABEL: one} for one in RUNTIMES)
    if with_kubernetes or any(all(condition(*one)(each) for one in named) for each in labels):
        return ""
    return (
        "the agent is not connected to Kubernetes; a container of no pod is in the namespace that"
        f" its runtime is named by: {', '.join(RUNTIMES)}"
    )


def _contradicts(requirements: tuple[Requirement, ...]) -> bool:
    """Two of them about one label that no value fulfils."""
    wanted: dict[str, frozenset[str]] = {}
    for one in requirements:
        if one.operator == "In":
            wanted[one.key] = wanted.get(one.key, one.values) & one.values
    for one in requirements:
        if one.operator == "NotIn" and one.key in wanted:
            wanted[one.key] -= one.values
    present = wanted.keys() | {one.key for one in requirements if one.operator == "Exists"}
    absent = {one.key for one in requirements if one.operator == "DoesNotExist"}
    return not all(wanted.values()) or not present.isdisjoint(absent)
