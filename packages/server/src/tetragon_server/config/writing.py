# SPDX-License-Identifier: Apache-2.0
"""Values of options as text, the way they are written in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .kinds import Kind

__all__ = ["written"]

_SUFFIXES: Final = ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
_UNITS: Final = ((3600, "h"), (60, "m"))


def written(kind: Kind, value: Any) -> str:  # noqa: ANN401  # any option's value
    """Text that `kind` parses to `value`; empty for None."""
    if value is None:
        return ""
    if kind.is_list:
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if kind.name == "size":
        return _size(value)
    if kind.name == "duration":
        return _duration(value)
    return str(value)


def _size(count: int) -> str:
    for factor, suffix in _SUFFIXES:
        if count and count % factor == 0:
            return f"{count // factor}{suffix}"
    return str(count)


def _duration(seconds: float) -> str:
    text, rest = "", seconds
    for size, unit in _UNITS:
        if rest >= size:
            text += f"{int(rest // size)}{unit}"
            rest %= size
    return f"{text}{rest:.9g}s" if rest or not text else text
