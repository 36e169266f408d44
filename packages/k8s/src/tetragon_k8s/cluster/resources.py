# SPDX-License-Identifier: Apache-2.0
"""Kinds of objects as the API server's paths name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    Object = Mapping[str, Any]
    """Any object of Kubernetes, as it is in JSON. Users may have put anything into it."""

__all__ = ["PODS", "Reference", "Resource", "reference_of", "version_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """All objects of a kind, in all namespaces."""

    group: str = ""
    """Empty: the core of the API."""
    version: str
    plural: str

    @property
    def path(self) -> str:
        """Of all of them."""
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/{self.plural}"

    def path_of(self, reference: Reference, subresource: str = "") -> str:
        """Of one; `subresource`: "status"."""
        root = self.path.removesuffix(f"/{self.plural}")
        inside = f"/namespaces/{reference.namespace}" if reference.namespace else ""
        after = f"/{subresource}" if subresource else ""
        return f"{root}{inside}/{self.plural}/{reference.name}{after}"

    @property
    def rule(self) -> str:
        """What a ClusterRole has to have for it to be watched."""
        return (
            f'{{apiGroups: ["{self.group}"], resources: ["{self.plural}"],'
            ' verbs: ["list", "watch"]}'
        )


PODS: Final = Resource(version="v1", plural="pods")


class Reference(NamedTuple):
    """One object. Another may have the same names later, but never the same uid."""

    namespace: str
    """Empty for objects of no namespace."""
    name: str
    uid: str


def reference_of(one: Object) -> Reference:
    """Raises TypeError or KeyError when it is no object of Kubernetes."""
    metadata = one["metadata"]
    return Reference(metadata.get("namespace", ""), metadata["name"], metadata.get("uid", ""))


def version_of(one: Object) -> str:
    """Its resourceVersion. Raises as reference_of()."""
    found: str = one["metadata"].get("resourceVersion", "")
    return found
