# SPDX-License-Identifier: Apache-2.0
"""The compact format: one line an event, the same bytes as upstream's client prints."""

from __future__ import annotations

from .line import CompactFormat

__all__ = ["CompactFormat"]
