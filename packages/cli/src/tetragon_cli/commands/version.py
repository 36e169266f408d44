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
@click.option("--sbom", is_flag=True, help="Print what the executable is made of (CycloneDX).")
@click.option("--licenses", is_flag=True, help="Print the licences of all that, with their texts.")
@click.pass_context
def command(ctx: click.Context, *, server: bool, build: bool, sbom: bool, licenses: bool) -> None:
    """Print the client's version, and the agent's."""
    if sbom or licenses:
        _print_provenance(sbom=sbom, licenses=licenses)
        return
    version, _, built_with = client_version(with_build=build).partition("\n")
    click.echo(version)
    if server:
        from tetragon.sensors_pb2 import GetVersionRequest, GetVersionResponse  # noqa: PLC0415  # only with -s

        from ..client import AgentClient  # noqa: PLC0415  # only with -s

        with AgentClient(client_settings(ctx)) as client:
            reply = client.call("GetVersion", GetVersionRequest(), GetVersionResponse)
        click.echo(f"Server version: {reply.version}")
    click.echo(built_with, nl=False)


def _print_provenance(*, sbom: bool, licenses: bool) -> None:
    from ..provenance import bill_of_materials, licences  # noqa: PLC0415  `version` starts quickly

    if sbom and licenses:
        raise click.UsageError("--sbom and --licenses are two documents; ask for one at a time")
    click.echo(bill_of_materials() if sbom else licences(), nl=False)
