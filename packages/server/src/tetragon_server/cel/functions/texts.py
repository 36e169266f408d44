# SPDX-License-Identifier: Apache-2.0
"""Functions of texts, and size() of everything that has one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..errors import CelRuntimeError
from ..types import BOOL, BYTES, INT, STRING
from .overloads import LIST, MAP, Function, Overload, by_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROWS", "matcher"]

_CACHED_PATTERNS: Final = 64
_PATTERN_BYTES: Final = 512 * 1024
"""For each pattern and what RE2 caches while it matches; its own default is 8 MiB."""


@lru_cache(_CACHED_PATTERNS)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Compile an RE2 pattern once; the result searches a text. CelRuntimeError for a bad one."""
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  # 9 ms; few expressions need it

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    options.never_capture = True
    try:
        search = re2.compile(pattern, options).search
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise CelRuntimeError(f"an RE2 pattern was expected: {text}") from None
    return lambda text: search(text) is not None


def _matches(text: str, pattern: str) -> bool:
    return matcher(pattern)(text)


def _cost_of_matching(text: str, pattern: str) -> int:
    """A pattern that comes from the event is compiled first: allow some hundred per event."""
    return by_bytes(text) + 100 + len(pattern)


def _on_texts(name: str, call: Callable[[str, str], bool]) -> Function:
    return Function(name, (Overload((STRING, STRING), BOOL, call, is_member=True, cost=by_bytes),))


ROWS: Final = (
    _on_texts("contains", lambda text, part: part in text),
    _on_texts("endsWith", str.endswith),
    _on_texts("startsWith", str.startswith),
    Function(
        "matches",
        tuple(
            Overload((STRING, STRING), BOOL, _matches, is_member=is_member, cost=_cost_of_matching)
            for is_member in (False, True)
        ),
    ),
    Function(
        "size",
        tuple(
            Overload((one,), INT, len, is_member=is_member)
            for one in (BYTES, LIST, MAP, STRING)
            for is_member in (False, True)
        ),
    ),
)
