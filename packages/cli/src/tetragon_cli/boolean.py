# SPDX-License-Identifier: Apache-2.0
"""On/off options that take `--name`, `--no-name`, `--name=false` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["boolean_option", "is_given"]

_SWITCHED_OFF = "tetragon_cli.off."


def boolean_option(
    name: str, *, default: bool = False, text: str, hidden: bool = False, short: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator adding the option; the function gets one bool."""
    word = name.removeprefix("--")
    parameter = word.replace("-", "_")

    def switch_off(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
        if value:
            ctx.params[parameter] = False
            ctx.meta[f"{_SWITCHED_OFF}{parameter}"] = True

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        shown = f"{text} [{'on' if default else 'off'}]"
        function = click.option(
            f"--no-{word}", is_flag=True, expose_value=False, hidden=True, callback=switch_off
        )(function)
        # A flag value without is_flag: the value after `=` is optional.
        letters = [f"-{short}"] if short else []
        return click.option(
            *letters,
            name,
            parameter,
            type=click.BOOL,
            is_flag=False,
            flag_value=True,
            default=default,
            metavar="[=BOOL]",
            hidden=hidden,
            help=shown,
        )(function)

    return decorate


def is_given(ctx: click.Context, parameter: str) -> bool:
    """Whether an option is on the command line, also as `--no-name`."""
    source = ctx.get_parameter_source(parameter)
    is_there = source is click.core.ParameterSource.COMMANDLINE
    return is_there or f"{_SWITCHED_OFF}{parameter}" in ctx.meta
