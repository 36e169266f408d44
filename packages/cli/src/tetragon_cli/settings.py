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
    """Empty: found by itself. With commas between several, which only event streams take."""
    timeout_s: float = 30.0
    """Limit of one call; streams have none."""
    retries: int = 1
    """Further tries when the agent cannot be reached."""
    max_recv_size: int = 10 * 1024 * 1024
    tls_cert_file: str = ""
    tls_key_file: str = ""
    tls_ca_cert_files: tuple[str, ...] = ()
    tls_server_name: str = ""
    tls_skip_verify: bool = False

    @property
    def has_tls(self) -> bool:
        """Any of the options of TLS switches it on."""
        return bool(
            self.tls_cert_file
            or self.tls_key_file
            or self.tls_ca_cert_files
            or self.tls_server_name
            or self.tls_skip_verify
        )


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
    if value not in {None, ()}:
        ctx.meta[f"{_PREFIX}{param.name}"] = value


def _remember_words(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
    """The same for a list, given several times or with commas."""
    _remember(ctx, param, tuple(filter(None, ",".join(values).split(","))))


def _remember_addresses(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> None:
    """The same for addresses, which stay one text."""
    _remember(ctx, param, ",".join(values) if values else None)


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
        add("--tls-skip-verify", is_flag=True, default=None, help="TLS without any verification."),
        add("--tls-server-name", help="Name to look for in the agent's certificate."),
        add(
            "--tls-ca-cert-files",
            multiple=True,
            callback=_remember_words,
            help="Authorities that sign the agent's certificate (PEM) [the system's].",
        ),
        add("--tls-key-file", help="Its private key (PEM)."),
        add("--tls-cert-file", help="Certificate of the client (PEM); TLS instead of plain text."),
        add(
            "--max-recv-size", type=click.IntRange(min=1), help="Largest message in bytes [10 MiB]."
        ),
        add("--retries", type=click.IntRange(min=0), help="Tries after the first one [1]."),
        add("--timeout", "timeout_s", type=Duration(), help="Limit of one call [30s]."),
        add(
            "--server-address",
            multiple=True,
            callback=_remember_addresses,
            help="host:port or unix:///path; found by itself if not given.",
        ),
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
