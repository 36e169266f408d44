# SPDX-License-Identifier: Apache-2.0
"""Options that every command talking to an agent has; they may stand before or after its name."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from .durations import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ClientSettings", "Duration", "client_options", "client_settings", "debug_option"]

Command = TypeVar("Command", bound="Callable[..., Any] | click.Command")

_PREFIX: Final = "tetragon_cli."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How to reach the agent."""

    server_address: str = ""
    """Empty: found by itself."""
    timeout_s: float = 30.0
    """Limit of one call; streams have none."""
    retries: int = 1
    """Further tries when the agent cannot be reached."""
    max_recv_size: int = 10 * 1024 * 1024


class Duration(click.ParamType[float]):
    """A duration on the command line, in seconds."""

    name = "duration"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Seconds; a default is a number already."""
        if isinstance(value, float):
            return value
        try:
            return parse_duration_s(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Keep a value that was given; the contexts of group and command share the place."""
    if value is not None:
        ctx.meta[f"{_PREFIX}{param.name}"] = value


def _start_log(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
    if value:
        logging.basicConfig(level=logging.DEBUG, format='level=%(levelname)s msg="%(message)s"')


def debug_option(command: Command) -> Command:
    """Add -d."""
    option = click.option(
        "-d",
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_start_log,
        help="Log to stderr.",
    )
    return option(command)


def client_options(command: Command) -> Command:
    """Add the options of ClientSettings, and -d."""
    add = functools.partial(click.option, expose_value=False, callback=_remember)
    for option in (
        add(
            "--max-recv-size", type=click.IntRange(min=1), help="Largest message in bytes [10 MiB]."
        ),
        add("--retries", type=click.IntRange(min=0), help="Tries after the first one [1]."),
        add("--timeout", "timeout_s", type=Duration(), help="Limit of one call [30s]."),
        add("--server-address", help="host:port or unix:///path; found by itself if not given."),
    ):
        command = option(command)
    return debug_option(command)


def client_settings(ctx: click.Context) -> ClientSettings:
    """What was given, in either place, over the defaults."""
    given = {
        field.name: ctx.meta[_PREFIX + field.name]
        for field in fields(ClientSettings)
        if _PREFIX + field.name in ctx.meta
    }
    return ClientSettings(**given)
