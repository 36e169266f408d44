# SPDX-License-Identifier: Apache-2.0
"""A request that a policy's hit asks the agent for: the actions GetUrl and DnsLookup."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NETWORK_ACTIONS", "NetworkRequest"]

NETWORK_ACTIONS: Final = frozenset({"GetUrl", "DnsLookup"})


class NetworkRequest(NamedTuple):
    """What one hit asks for."""

    action: str
    """One of NETWORK_ACTIONS."""
    target: str
    """URL, or name to resolve."""
