# SPDX-License-Identifier: Apache-2.0
"""Options: what is measured and told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MetricOptions"]


@dataclass(frozen=True, kw_only=True)
class MetricOptions:
    """None yet."""
