# SPDX-License-Identifier: Apache-2.0
"""`explain`: what the fields of policies mean. Needs neither an agent nor Kubernetes."""

from __future__ import annotations

import click

from ..settings import client_options

__all__ = ["command"]


@client_options
@click.command("explain")
@click.argument("path", required=False, metavar="RESOURCE[.FIELD...]")
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text")
@click.option("-R", "--recursive", is_flag=True, help="Also fields of fields.")
@click.option("--example", is_flag=True, help="With an example, where there is one.")
@click.option("--list", "show_list", is_flag=True, help="Which resources there are.")
@click.option("--api-version", default="", help="Version of the resource [the only one].")
def command(
    *,
    path: str | None,
    output: str,
    recursive: bool,
    example: bool,
    show_list: bool,
    api_version: str,
) -> None:
    """Describe the fields of policies, as in: explain tracingpolicy.spec.kprobes"""
    from ..field_help import find, resource_table  # noqa: PLC0415  # keeps --help fast

    if show_list:
        click.echo(resource_table(), nl=False)
        return
    if path is None:
        raise click.UsageError("a resource is missing: write for example tracingpolicy.spec")
    place = find(path, api_version)
    if output == "text":
        click.echo(place.as_text(recursive=recursive, example=example), nl=False)
    elif output == "json":
        import json  # noqa: PLC0415  # only one format is needed

        click.echo(json.dumps(place.as_schema(), separators=(",", ":")))
    else:
        import yaml  # noqa: PLC0415  # only one format is needed

        click.echo(yaml.safe_dump(place.as_schema(), sort_keys=False), nl=False)
