# SPDX-License-Identifier: Apache-2.0
"""Which argument a filter means: its position in the hook's list, however it was written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .model import HookKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Argument, ArgumentFilter, Selector

__all__ = ["with_positions"]


def with_positions(selector: Selector, kind: HookKind, arguments: Sequence[Argument]) -> Selector:
    """The selector with `args` of each filter filled in from `index`, where there is such a one.

    In matchArgs an index is that of an argument. For a tracepoint, where arguments are fields of
    the format file, it may also be a position in `args`, which is how Tetragon's own examples use
    it. In matchData an index is a position.
    """
    return replace(
        selector,
        match_args=tuple(_with_position(each, kind, arguments) for each in selector.match_args),
        match_data=tuple(
            each if each.args else replace(each, args=(each.index,)) for each in selector.match_data
        ),
    )


def _with_position(
    wanted: ArgumentFilter, kind: HookKind, arguments: Sequence[Argument]
) -> ArgumentFilter:
    if wanted.args:
        return wanted
    found = [place for place, each in enumerate(arguments) if each.index == wanted.index]
    if not found and kind is HookKind.TRACEPOINT and wanted.index < len(arguments):
        found = [wanted.index]
    return replace(wanted, args=tuple(found[:1]))
