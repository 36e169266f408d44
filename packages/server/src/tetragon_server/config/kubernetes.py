# SPDX-License-Identifier: Apache-2.0
"""Options: containers and Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KubernetesOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class KubernetesOptions:
    """None yet."""
