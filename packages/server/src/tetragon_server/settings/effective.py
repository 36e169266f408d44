# SPDX-License-Identifier: Apache-2.0
"""Every setting in force, as it is told to clients: ours, Tetragon's without effect, and strays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..config import OPTIONS
from ..config.ignored import IGNORED
from ..config.writing import written

if TYPE_CHECKING:
    from ..config import AgentConfig, Option
    from ..config.ignored import Ignored

__all__ = ["effective_values"]

_AS_THEY_ARE: Final = frozenset({"bool", "number"})
"""Tetragon tells all others as text, sizes and durations too."""


def effective_values(config: AgentConfig) -> dict[str, object]:
    """Name and value (bool, int, str or a tuple of str) of each, as Tetragon has them."""
    ours = {option.name: _value(config, option) for option in OPTIONS}
    given = dict(config.others)
    ignored = {one.name: _ignored(one, given.pop(one.name, one.default)) for one in IGNORED}
    return ours | ignored | given


def _value(config: AgentConfig, option: Option) -> object:
    value = getattr(config, option.field_name)
    if option.kind.is_list or option.kind.name in _AS_THEY_ARE:
        return value
    return written(option.kind, value)


def _ignored(one: Ignored, text: str) -> object:
    if text.isdecimal() and one.default.isdecimal():
        return int(text)
    try:
        return one.kind.parse(text)
    except ValueError:
        return text
