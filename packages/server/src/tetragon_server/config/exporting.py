# SPDX-License-Identifier: Apache-2.0
"""Options: events written to files and to other systems."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ExportOptions"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """None yet."""
