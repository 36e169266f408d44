# SPDX-License-Identifier: Apache-2.0
"""How much work the filters of one request may make, and what the agent's settings allow in them.

Whoever reaches the port may send filters: without bounds one request could take all memory, or so
much time for each event that the kernel's buffer overflows meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..filter_rules import FilterRules
from .errors import FilterError, quoted

if TYPE_CHECKING:
    from collections.abc import Sized

__all__ = ["ANY_FILTER", "MAX_PROGRAM", "Work"]

_MAX_FILTERS: Final = 1000
"""In both lists together; one that does not match costs each event up to a microsecond."""
_MAX_FIELD_FILTERS: Final = 100
_MAX_VALUES: Final = 100_000
"""In all lists of all filters; so many take 15 ms to read."""
_MAX_EXPRESSIONS: Final = 1000
"""Regular expressions, label selectors and paths of fields."""
_MAX_CEL_EXPRESSIONS: Final = 100
"""Each may take some 50 ms for an event."""
_MAX_EXPRESSION_CHARACTERS: Final = 64 * 1024
"""Each; half a million characters of a pattern take 20 ms to compile."""
_MAX_CHARACTERS: Final = 256 * 1024
"""All expressions together."""
MAX_PROGRAM: Final = 20_000
"""Instructions of all regular expressions. `/usr/bin/ls` has 15, a class such as \\pL 1,200; an
instruction costs up to 6 ns for each byte of text, where RE2 has to simulate it."""


ANY_FILTER: Final = FilterRules(
    with_process_cred=True,
    ancestors=frozenset({"base", "kprobe", "tracepoint", "lsm", "uprobe", "usdt", "loader"}),
    allow_pid_set=True,
)
"""For events of unknown origin."""


@dataclass(slots=True)
class Work:
    """What has been asked for so far; each method raises FilterError at its bound."""

    rules: FilterRules
    _values: int = field(default=0, init=False)
    _expressions: int = field(default=0, init=False)
    _cel_expressions: int = field(default=0, init=False)
    _characters: int = field(default=0, init=False)
    _program: int = field(default=0, init=False)

    def check_filters(self, *lists: Sized) -> None:
        """Before any of them is looked at."""
        count = sum(map(len, lists))
        if count > _MAX_FILTERS:
            raise FilterError(f"{count} filters are too many; the limit is {_MAX_FILTERS}")

    def check_field_filters(self, filters: Sized) -> None:
        """Before any of them is looked at."""
        if len(filters) > _MAX_FIELD_FILTERS:
            raise FilterError(
                f"{len(filters)} field filters are too many; the limit is {_MAX_FIELD_FILTERS}"
            )

    def add_values(self, name: str, count: int) -> None:
        """Before the values of the field `name` are looked at."""
        self._values += count
        if self._values > _MAX_VALUES:
            raise FilterError(
                f"{name}: {self._values} values so far are too many; the limit for all filters is"
                f" {_MAX_VALUES}"
            )

    def add_expression(self, name: str, text: str) -> None:
        """Before `text`, a value of the field `name`, is parsed."""
        self._expressions += 1
        self._characters += len(text)
        if len(text) > _MAX_EXPRESSION_CHARACTERS:
            limit = f"{_MAX_EXPRESSION_CHARACTERS} characters"
        elif self._expressions > _MAX_EXPRESSIONS:
            limit = f"{_MAX_EXPRESSIONS} expressions in all filters"
        elif self._characters > _MAX_CHARACTERS:
            limit = f"{_MAX_CHARACTERS} characters in all expressions"
        else:
            return
        raise FilterError(f"{name}: {quoted(text)} is too much; the limit is {limit}")

    def add_cel(self, name: str, text: str) -> None:
        """As add_expression, for CEL."""
        self.add_expression(name, text)
        self._cel_expressions += 1
        if self._cel_expressions > _MAX_CEL_EXPRESSIONS:
            raise FilterError(
                f"{name}: {quoted(text)} is too much; the limit is {_MAX_CEL_EXPRESSIONS}"
                " CEL expressions in all filters: write several as one, with ||"
            )

    def add_program(self, name: str, text: str, instructions: int) -> None:
        """After the pattern `text` was compiled."""
        self._program += instructions
        if self._program > MAX_PROGRAM:
            raise FilterError(
                f"{name}: {quoted(text)} is too much; all patterns together may need"
                f" {MAX_PROGRAM} instructions, and these need {self._program} so far:"
                " use smaller counts, or fewer Unicode classes"
            )
