# SPDX-License-Identifier: Apache-2.0
"""Regular expressions of filters: RE2's, which take time in proportion to the text's length."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from .errors import FilterError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .work import Work

    Search = Callable[[str], Any]
    """Something true when the pattern is anywhere in the text."""

__all__ = ["compile_patterns"]

_PLAIN: Final = re.compile(r"[\w/ :@,=~%&;<>\"'-]*", re.ASCII)
"""Patterns that mean themselves: no operator of RE2 is in them."""

_OPEN_QUOTE: Final = r"\Q"
"""Quotes everything behind it, to the end of the pattern, unless \\E comes."""

_MEMORY_BYTES: Final = 512 * 1024
"""For each pattern and what RE2 caches while it matches; its own default is 8 MiB."""


def compile_patterns(name: str, patterns: Iterable[str], work: Work) -> list[Search]:
    """Search functions for the values of the field `name`, of which one has to find something.

    Raises FilterError.
    """
    searches: list[Search] = []
    others: list[str] = []
    for pattern in patterns:
        work.add_expression(name, pattern)
        if _PLAIN.fullmatch(pattern):
            searches.append(lambda text, part=pattern: part in text)  # type: ignore[misc]  # mypy knows no defaults here
        else:
            others.append(pattern)
    return searches + _compile(name, others, work) if others else searches


def _compile(name: str, patterns: Sequence[str], work: Work) -> list[Search]:
    """Each for itself, to be sure of it; then as one if possible, as quick as the first alone."""
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  # 9 ms; few filters need it

    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    compiled = []
    try:
        for pattern in patterns:
            one = re2.compile(pattern, options)
            work.add_program(name, pattern, one.programsize)
            compiled.append(one)
        if len(compiled) > 1 and not any(_OPEN_QUOTE in pattern for pattern in patterns):
            with contextlib.suppress(re2.error):  # too large as one
                compiled = [re2.compile("|".join(f"(?:{one})" for one in patterns), options)]
    except re2.error as error:
        raise FilterError(f"{name}: {quoted(pattern)} {_reason(error)}") from None
    finally:
        re2.purge()  # it keeps 128 patterns, of whatever size
    return [_search_in_bytes(one.search) for one in compiled]


def _search_in_bytes(search: Callable[[bytes], Any]) -> Search:
    """RE2 works on bytes; its Python side would count characters for us, which takes far longer."""
    return lambda text: search(text.encode())


def _reason(error: Exception) -> str:
    """RE2 says it in bytes, and quotes."""
    text = error.args[0]
    told = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    if "too large" in told:
        return "is too large a pattern; use smaller counts, or fewer Unicode classes"
    return f"is no RE2 pattern: {' '.join(told[:200].split())}"
