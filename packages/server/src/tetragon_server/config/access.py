# SPDX-License-Identifier: Apache-2.0
"""Options: who may connect, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AccessOptions"]


@dataclass(frozen=True, kw_only=True)
class AccessOptions:
    """None yet."""
