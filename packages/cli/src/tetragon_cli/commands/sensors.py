# SPDX-License-Identifier: Apache-2.0
"""`sensors`: the commands that `tracingpolicy` took the place of. Agents refuse them today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..compact.text import escape
from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from typing import TypeVar

    from google.protobuf.message import Message

    Reply = TypeVar("Reply", bound=Message)

__all__ = ["command"]


@client_options
@click.group("sensors")
def command() -> None:
    """Deprecated: use tracingpolicy."""
    click.echo('"sensors" is deprecated, use "tracingpolicy"', err=True)


@command.command("list")
@client_options
@click.pass_context
def _list(ctx: click.Context) -> None:
    """List sensors."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    reply = _ask(ctx, "ListSensors", pb.ListSensorsRequest(), pb.ListSensorsResponse)
    for one in reply.sensors:
        state = "enabled" if one.enabled else "not enabled"
        click.echo(f"{escape(one.name)} ({state}) {escape(one.collection)}")


@command.command("enable")
@client_options
@click.argument("name")
@click.pass_context
def _enable(ctx: click.Context, name: str) -> None:
    """Enable a sensor."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    _ask(ctx, "EnableSensor", pb.EnableSensorRequest(name=name), pb.EnableSensorResponse)
    click.echo(f"sensor {name} enabled")


@command.command("disable")
@client_options
@click.argument("name")
@click.pass_context
def _disable(ctx: click.Context, name: str) -> None:
    """Disable a sensor."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    _ask(ctx, "DisableSensor", pb.DisableSensorRequest(name=name), pb.DisableSensorResponse)
    click.echo(f"sensor {name} disabled")


@command.command("rm")
@client_options
@click.argument("name")
@click.pass_context
def _remove(ctx: click.Context, name: str) -> None:
    """Remove a sensor."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    _ask(ctx, "RemoveSensor", pb.RemoveSensorRequest(name=name), pb.RemoveSensorResponse)


def _ask(ctx: click.Context, rpc: str, request: Message, reply_type: type[Reply]) -> Reply:
    from ..client import AgentClient  # noqa: PLC0415  # keeps --help fast

    with AgentClient(client_settings(ctx)) as client:
        return client.call(rpc, request, reply_type)
