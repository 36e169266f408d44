# SPDX-License-Identifier: Apache-2.0
"""Objects, maps, links and the ring buffer, on top of the system library libbpf."""

from __future__ import annotations

from .native import LoadedObject, Map, Ring, possible_cpus

__all__ = ["LoadedObject", "Map", "Ring", "possible_cpus"]
