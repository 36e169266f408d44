# SPDX-License-Identifier: Apache-2.0
"""`version`: the client's version; the agent's only when asked for, since that needs a call."""

from __future__ import annotations

import click

from ..settings import client_options, client_settings
from ..version_text import client_version

__all__ = ["command"]


@client_options
@click.command("version")
@click.option("-s", "--server", is_flag=True, help="Ask the agent too.")
@click.option("-b", "--build", is_flag=True, help="Show what the client was built with.")
@click.pass_context
def command(ctx: click.Context, *, server: bool, build: bool) -> None:
    """Print the client's version, and the agent's."""
    version, _, built_with = client_version(with_build=build).partition("\n")
    click.echo(version)
    if server:
        from tetragon.sensors_pb2 import GetVersionRequest, GetVersionResponse  # noqa: PLC0415  # only with -s

        from ..client import AgentClient  # noqa: PLC0415  # only with -s

        with AgentClient(client_settings(ctx)) as client:
            reply = client.call("GetVersion", GetVersionRequest(), GetVersionResponse)
        click.echo(f"Server version: {reply.version}")
    click.echo(built_with, nl=False)
