# SPDX-License-Identifier: Apache-2.0
"""The agent's options as click options, made from their one description in the server's config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tetragon_server.config import OPTIONS

from .boolean import boolean_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_server.config import Option

__all__ = ["agent_options", "given_settings"]


def agent_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator with every option; the function gets its text, or None if it was not given."""
    for option in reversed(OPTIONS):
        function = _add(option)(function)
    return function


def _add(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name = f"--{option.name}"
    if option.kind.name == "bool":
        return boolean_option(name, default=option.default, text=option.text, hidden=option.hidden)
    kind = click.Choice(option.kind.choices) if option.kind.choices else str
    return click.option(
        name,
        type=kind,
        multiple=option.kind.is_list,
        default=None,
        metavar=None if option.kind.choices else option.kind.name.upper(),
        help=_shown(option),
        hidden=option.hidden,
    )


def _shown(option: Option) -> str:
    """The help text, with the default where that says something."""
    if option.default in {None, ""} or option.kind.is_list:
        return option.text
    return f"{option.text} [{option.default}]"


def given_settings(ctx: click.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field name, of the options that were given; raises UsageError of click."""
    given = {}
    for option in OPTIONS:
        source = ctx.get_parameter_source(option.field_name)
        if source is click.core.ParameterSource.COMMANDLINE or (
            # `--no-name` sets the value behind click's back.
            option.kind.name == "bool" and values[option.field_name] != option.default
        ):
            given[option.field_name] = _parsed(option, values[option.field_name])
    return given


def _parsed(option: Option, value: Any) -> Any:  # noqa: ANN401  # of the field's type
    texts = value if option.kind.is_list else (value,)
    if option.kind.name == "bool":
        return value
    try:
        parts = [option.kind.parse(text) for text in texts]
    except ValueError as error:
        raise click.UsageError(f"--{option.name}: {error}") from error
    return sum(parts, start=()) if option.kind.is_list else parts[0]
