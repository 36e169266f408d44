# SPDX-License-Identifier: Apache-2.0
"""Which workloads a policy, or one of its selectors, is for: in one form, so that equal ones meet.

What a container has to be like is decided by the caller; the kernel only knows numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.workloads.labels import NEGATIVE, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import LabelSelector, Policy, Workloads

__all__ = [
    "NAMESPACE_LABEL",
    "WorkloadFilter",
    "describe_filter",
    "filter_of",
    "filters_of",
    "main_filter",
]

NAMESPACE_LABEL: Final = "k8s:io.kubernetes.pod.namespace"
"""Pseudo label of each pod, as in Tetragon."""

Requirements = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFilter:
    """Processes of some containers, those of the host, or both."""

    namespace: str = ""
    """Of the pods; empty: any."""
    pod: Requirements = ()
    container: Requirements = ()
    """Of the pseudo labels `name` and `repo`."""
    has_containers: bool = True
    """False: no container at all, whatever it is like."""
    has_host: bool = False

    @property
    def has_all_containers(self) -> bool:
        """Whether every container is meant, also one that nothing is known of."""
        return self.has_containers and not (self.namespace or self.pod or self.container)


def filter_of(workloads: Workloads | None, namespace: str = "") -> WorkloadFilter | None:
    """The filter; None when everything is meant."""
    pod = workloads.pod_selector if workloads else None
    container = workloads.container_selector if workloads else None
    has_host = workloads is not None and workloads.host_selector is not None
    is_open = pod is None and container is None
    if is_open and not has_host and not namespace:
        return None
    found = WorkloadFilter(
        namespace=namespace,
        pod=_requirements(pod),
        container=_requirements(container),
        has_containers=not is_open or bool(namespace),
        has_host=has_host,
    )
    return None if found.has_host and found.has_all_containers else found


def main_filter(policy: Policy) -> WorkloadFilter | None:
    """The filter of the whole policy, before those of its selectors; None: everything is meant."""
    return filter_of(policy.spec.workloads, policy.namespace if policy.selects_namespace else "")


def filters_of(policy: Policy) -> list[WorkloadFilter]:
    """All of a policy and of its selectors, each once."""
    selectors = [one for hook in policy.spec.hooks for one in hook.selectors]
    found = [main_filter(policy)]
    found += [filter_of(one.match_workloads) for one in selectors]
    return list(dict.fromkeys(one for one in found if one is not None))


def _requirements(selector: LabelSelector | None) -> Requirements:
    if selector is None:
        return ()
    found = [
        Requirement(key, "In", frozenset((value,))) for key, value in selector.match_labels.items()
    ]
    found += [
        Requirement(one.key, one.operator, frozenset(one.values))
        for one in selector.match_expressions
    ]
    return tuple(sorted(set(found), key=lambda one: (one.key, one.operator, sorted(one.values))))


def describe_filter(wanted: WorkloadFilter | None) -> str:
    """In words, for people to read."""
    if wanted is None:
        return "every workload, and the host"
    parts = []
    if wanted.has_containers:
        conditions = [
            *([f"namespace={wanted.namespace}"] if wanted.namespace else []),
            *(f"pod {text}" for text in _texts(wanted.pod)),
            *(f"container {text}" for text in _texts(wanted.container)),
        ]
        parts.append(f"containers where {', '.join(conditions)}" if conditions else "containers")
    if wanted.has_host:
        parts.append("the host")
    return " and ".join(parts)


def _texts(requirements: Requirements) -> Iterator[str]:
    for one in requirements:
        values = ", ".join(sorted(one.values))
        not_ = "not " if one.operator in NEGATIVE else ""
        if one.operator in {"Exists", "DoesNotExist"}:
            yield f"{one.key} is {not_}set"
        elif len(one.values) == 1:
            yield f"{one.key}{'!=' if not_ else '='}{values}"
        else:
            yield f"{one.key} {not_}in ({values})"
