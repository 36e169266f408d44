# SPDX-License-Identifier: Apache-2.0
"""`loglevel`: what the agent logs, looked up and changed while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from tetragon_core.errors import UsageError

from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from tetragon import sensors_pb2

__all__ = ["command"]

_LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal", "panic")
_PREFIX: Final = "LOG_LEVEL_"


@client_options
@click.group("loglevel")
def command() -> None:
    """Show and change what the agent logs."""


@command.command("get")
@client_options
@click.pass_context
def _get(ctx: click.Context) -> None:
    """Print the level that the agent logs from."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    from ..client import AgentClient  # noqa: PLC0415  # as above

    with AgentClient(client_settings(ctx)) as client:
        reply = client.call("GetDebug", pb.GetDebugRequest(), pb.GetDebugResponse)
    click.echo(f"Current log level: {_name(reply)}")


@command.command("set")
@client_options
@click.argument("level", metavar="[trace|debug|info|warning|error|fatal|panic]")
@click.pass_context
def _set(ctx: click.Context, level: str) -> None:
    """Change that level until the agent ends."""
    word = "warn" if level.lower() == "warning" else level.lower()
    if word not in _LEVELS:
        raise UsageError(f"invalid log level: {level}")
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    from ..client import AgentClient  # noqa: PLC0415  # as above

    request = pb.SetDebugRequest(level=_PREFIX + word.upper())
    with AgentClient(client_settings(ctx)) as client:
        reply = client.call("SetDebug", request, pb.SetDebugResponse)
    click.echo(f"Log level set to: {_name(reply)}")


def _name(reply: sensors_pb2.GetDebugResponse | sensors_pb2.SetDebugResponse) -> str:
    """As the API calls it; a level newer than this client as its number."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # loaded already

    known = reply.level in pb.LogLevel.values()
    return pb.LogLevel.Name(reply.level) if known else str(reply.level)
