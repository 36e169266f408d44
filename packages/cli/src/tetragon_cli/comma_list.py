# SPDX-License-Identifier: Apache-2.0
"""Options that take a comma-separated list with CSV's quotes, as Tetragon's client reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CommaList", "flatten"]

_VALUE: Final = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(,|\Z)')
"""One value, quoted or plain, up to the comma behind it or the end."""


class CommaList(click.ParamType[tuple[str, ...]]):
    """Values separated by commas; one with a comma or a double quote stands in double quotes."""

    name = "list"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """The values; an empty text has none."""
        if isinstance(value, tuple) or not value:
            return tuple(value)
        values: list[str] = []
        start, more = 0, True
        while more:
            found = _VALUE.match(value, start)
            if found is None:
                self.fail(_quote_text(value, start), param, ctx)
            quoted, plain, end = found.groups()
            values.append(plain if quoted is None else quoted.replace('""', '"'))
            start, more = found.end(), bool(end)
        return tuple(values)


def _quote_text(value: str, start: int) -> str:
    """What is wrong with the value that begins there: quotes are all that can be."""
    place = value.index('"', start) + 1
    return (
        f'{value!r} has a wrong " at character {place}: write single quotes, or the whole value'
        ' in double quotes with "" for each inside; commas separate values'
    )


def flatten(lists: Iterable[Iterable[str]]) -> list[str]:
    """All values of an option that may be given several times."""
    return [value for values in lists for value in values]
