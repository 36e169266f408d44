# SPDX-License-Identifier: Apache-2.0
"""Regular expressions of filters: RE2's, which take time in proportion to the text's length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from .errors import FilterError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .work import Work

    Search = Callable[[str], Any]
    """Something true when the pattern is anywhere in the text."""

__all__ = ["compile_patterns"]

_PLAIN: Final = re.compile(r"[\w/ :@,=~%&;<>\"'-]*", re.ASCII)
"""Patterns that mean themselves: no operator of RE2 is in them."""

_MEMORY_BYTES: Final = 512 * 1024
"""For each pattern and what RE2 caches while it matches; its own default is 8 MiB."""


def compile_patterns(name: str, patterns: Iterable[str], work: Work) -> list[Search]:
    """One search function for each value of the field `name`. Raises FilterError."""
    return [_compile(name, pattern, work) for pattern in patterns]


def _compile(name: str, pattern: str, work: Work) -> Search:
    work.add_expression(name, pattern)
    if _PLAIN.fullmatch(pattern):
        return lambda text: pattern in text
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  # 9 ms; few filters need it

    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise FilterError(f"{name}: {quoted(pattern)} {_reason(error)}") from None
    finally:
        re2.purge()  # it keeps 128 patterns, of whatever size
    work.add_program(name, pattern, compiled.programsize)
    search: Search = compiled.search
    return search


def _reason(error: Exception) -> str:
    """RE2 says it in bytes, and quotes."""
    text = error.args[0]
    told = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    if "too large" in told:
        return "is too large a pattern; use smaller counts, or fewer Unicode classes"
    return f"is no RE2 pattern: {' '.join(told[:200].split())}"
