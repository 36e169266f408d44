# SPDX-License-Identifier: Apache-2.0
"""The agent's options as click options, made from their one description in the server's config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tetragon_server.config import OPTIONS
from tetragon_server.config.ignored import IGNORED
from tetragon_server.config.writing import written
from tetragon_server.settings.given import Given

from .boolean import boolean_option, is_given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_server.config import Option
    from tetragon_server.config.ignored import Ignored

__all__ = ["agent_options", "given_flags", "ignored_note"]


class _Choice(click.Choice[str]):
    """Shown and completed as click does; what is none of them is told with all other problems."""

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002  # click's signature
        ctx: click.Context | None,  # noqa: ARG002  # as above
    ) -> str:
        """Return `value`, whatever it is."""
        return value


def agent_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator with every option; the function gets its text, or None if it was not given."""
    for one in IGNORED:
        function = _add_ignored(one)(function)
    for option in reversed(OPTIONS):
        function = _add(option)(function)
    return function


def ignored_note() -> str:
    """The last lines of the help text: options that are not worth a line each."""
    names = ", ".join(one.name for one in IGNORED)
    return f"Options of Tetragon that are accepted and change nothing: {names}."


def _add(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name = f"--{option.name}"
    if option.kind.name == "bool":
        return boolean_option(
            name,
            default=option.default,
            text=option.text,
            hidden=option.hidden,
            short=option.short,
        )
    kind = _Choice(option.kind.choices) if option.kind.choices else str
    return click.option(
        name,
        type=kind,
        multiple=option.kind.is_list,
        default=None,
        metavar=None if option.kind.choices else option.kind.name.upper(),
        help=_shown(option),
        hidden=option.hidden,
    )


def _add_ignored(one: Ignored) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name = f"--{one.name}"
    if one.kind.name == "bool":
        return boolean_option(name, default=one.default == "true", text=one.instead, hidden=True)
    return click.option(name, default=None, hidden=True)


def _shown(option: Option) -> str:
    """The help text, with the default where that says something."""
    if option.default in {None, "", 0} or option.kind.is_list:
        return option.text
    return f"{option.text} [{written(option.kind, option.default)}]"


def given_flags(ctx: click.Context, values: Mapping[str, Any]) -> dict[str, Given]:
    """What is on the command line, by the option's name."""
    flags = {}
    for name in (*(one.name for one in OPTIONS), *(one.name for one in IGNORED)):
        parameter = name.replace("-", "_")
        if is_given(ctx, parameter):
            flags[name] = Given(name, _texts(values[parameter]), f"--{name}")
    return flags


def _texts(value: str | bool | tuple[str, ...]) -> tuple[str, ...]:  # noqa: FBT001  # what click gives for a flag
    if isinstance(value, bool):
        return (str(value).lower(),)
    return value if isinstance(value, tuple) else (value,)
