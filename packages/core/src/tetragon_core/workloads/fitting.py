# SPDX-License-Identifier: Apache-2.0
"""How much is kept of labels and annotations where whoever may create pods must not choose it.

Selectors of policies ask for all labels, as long as the pod is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LEFT_OUT", "MAX_ANNOTATIONS", "MAX_LABELS", "fitting"]

LEFT_OUT: Final = "left-out.tetragon-mini"
"""Stands for the labels or annotations that did not fit; its value is their number."""
MAX_LABELS: Final = 4096
"""Bytes of all of a pod's; Kubernetes takes a megabyte."""
MAX_ANNOTATIONS: Final = 16384
_MARK: Final = len(LEFT_OUT) + 8
"""Bytes that LEFT_OUT and its value take."""


def fitting(told: Mapping[str, str], room: int) -> Mapping[str, str]:
    """Those that fit into so many bytes, the first ones first, and how many do not."""
    if sum(len(key) + len(value) for key, value in told.items()) * 4 <= room:
        return told  # whatever the characters
    sizes = {key: len(key.encode()) + len(value.encode()) for key, value in told.items()}
    if sum(sizes.values()) <= room:
        return told
    kept: dict[str, str] = {}
    room -= _MARK
    for key, value in told.items():
        if sizes[key] <= room:
            kept[key] = value
            room -= sizes[key]
    kept[LEFT_OUT] = str(len(told) - len(kept))
    return kept
