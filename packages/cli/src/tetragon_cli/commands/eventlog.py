# SPDX-License-Identifier: Apache-2.0
"""`eventlog`: the limits of the agent's export file, looked up and changed while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..settings import Duration, client_options, client_settings

if TYPE_CHECKING:
    from tetragon import eventlogservice_pb2

__all__ = ["command"]


@client_options
@click.group("eventlog")
def command() -> None:
    """Show and change the limits of the export file."""


@command.command("get")
@client_options
@click.pass_context
def _get(ctx: click.Context) -> None:
    """Print the limits of the export file."""
    from tetragon import eventlogservice_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    from ..client import EVENT_LOG, AgentClient  # noqa: PLC0415  # as above

    with AgentClient(client_settings(ctx)) as client:
        request = pb.GetEventLogParamsRequest()
        reply = client.call("GetEventLogParams", request, pb.GetEventLogParamsResponse, EVENT_LOG)
    click.echo(f"Current logging parameters: {_text(reply)}")


@command.command("set")
@client_options
@click.option("--max-size", type=int, help="MiB at which the file is rotated; 0: 100.")
@click.option("--max-backups", type=int, help="Rotated files that are kept; 0: all.")
@click.option(
    "--rotation-interval",
    type=Duration(),
    help="Time after which the file is rotated as well, like 1h30m; 0: never.",
)
@click.pass_context
def _set(
    ctx: click.Context,
    max_size: int | None,
    max_backups: int | None,
    rotation_interval: float | None,
) -> None:
    """Change the limits that are given, until the agent ends."""
    from tetragon import eventlogservice_pb2 as pb  # noqa: PLC0415  # keeps --help fast
    from tetragon_server.export.go_durations import duration_text  # noqa: PLC0415  # as above

    from ..client import EVENT_LOG, AgentClient  # noqa: PLC0415  # as above

    interval = None if rotation_interval is None else duration_text(rotation_interval)
    request = pb.SetEventLogParamsRequest(
        max_size=max_size, rotation_interval=interval, max_backups=max_backups
    )
    with AgentClient(client_settings(ctx)) as client:
        client.call("SetEventLogParams", request, pb.SetEventLogParamsResponse, EVENT_LOG)


def _text(reply: eventlogservice_pb2.GetEventLogParamsResponse) -> str:
    """The message as Go prints it: no space after a colon, and what is zero is left out."""
    from google.protobuf import text_format  # noqa: PLC0415  # keeps --help fast

    return text_format.MessageToString(reply, as_one_line=True).replace(": ", ":")
