# SPDX-License-Identifier: Apache-2.0
"""`cri`: asks the container runtime of this host. Needs no agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from tetragon_core.errors import UsageError

from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..cri_client import CriClient

__all__ = ["command"]

Command = TypeVar("Command", bound="Callable[..., object] | click.Command")
_PREFIX = "tetragon_cli.cri."


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value is not None:
        ctx.meta[f"{_PREFIX}{param.name}"] = value


def _options(command: Command) -> Command:
    """Add the options that may stand before or after the subcommand."""
    for option in (
        click.option(
            *("-r", "--runtime-endpoint", "endpoint"),
            expose_value=False,
            callback=_remember,
            help="unix:///path of its socket; containerd, CRI-O or cri-dockerd if not given.",
        ),
        click.option(
            *("-o", "--output"), expose_value=False, callback=_remember, help="raw or json [raw]."
        ),
    ):
        command = option(command)
    return client_options(command)


@_options
@click.group("cri")
def command() -> None:
    """Ask the container runtime."""


@command.command("version")
@_options
@click.pass_context
def _version(ctx: click.Context) -> None:
    """Print the runtime's version."""
    output = ctx.meta.get(f"{_PREFIX}output", "raw")
    if output not in {"raw", "json"}:
        raise UsageError(f"unknown output format: {output}; write raw or json")
    import json  # noqa: PLC0415  # keeps --help fast

    with _client(ctx) as client:
        seen = client.version()
    if output == "json":
        click.echo(json.dumps(seen, ensure_ascii=False, separators=(",", ":")))
    else:
        click.echo("  ".join(f"{key}:{json.dumps(value)}" for key, value in seen.items()))


@command.command("cgroup_path")
@_options
@click.argument("container_id")
@click.pass_context
def _cgroup_path(ctx: click.Context, container_id: str) -> None:
    """Print where the cgroup of a container is."""
    with _client(ctx) as client:
        click.echo(client.cgroup_path(container_id))


def _client(ctx: click.Context) -> CriClient:
    from ..cri_client import CriClient  # noqa: PLC0415  # imports gRPC

    return CriClient(ctx.meta.get(f"{_PREFIX}endpoint", ""), client_settings(ctx).timeout_s)
