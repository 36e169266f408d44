# SPDX-License-Identifier: Apache-2.0
"""Whether a label selector selects something with these labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_core.workloads.labels import condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .selectors import LabelSelector

__all__ = ["selects"]


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """All conditions hold; there may be none."""
    wanted = selector.match_labels.items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        condition(one.key, one.operator, one.values)(labels) for one in selector.match_expressions
    )
