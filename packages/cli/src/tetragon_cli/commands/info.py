# SPDX-License-Identifier: Apache-2.0
"""`info`: what the agent says about itself, as one JSON line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click
from google.protobuf import json_format, struct_pb2, wrappers_pb2

from tetragon.sensors_pb2 import GetInfoRequest, GetInfoResponse

from ..client import AgentClient
from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["command", "info_object"]

# The types that agents, ours and upstream's, put settings in.
_PACKED: Final[tuple[type[Message], ...]] = (
    wrappers_pb2.StringValue,
    wrappers_pb2.BoolValue,
    wrappers_pb2.Int32Value,
    wrappers_pb2.Int64Value,
    wrappers_pb2.UInt32Value,
    wrappers_pb2.UInt64Value,
    wrappers_pb2.DoubleValue,
    struct_pb2.ListValue,
    struct_pb2.Struct,
)


@client_options
@click.command("info")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Print the agent's settings as one JSON line."""
    with AgentClient(client_settings(ctx)) as client:
        reply = client.call("GetInfo", GetInfoRequest(), GetInfoResponse)
    click.echo(json.dumps(info_object(reply), ensure_ascii=False, separators=(",", ":")))


def info_object(reply: GetInfoResponse) -> dict[str, Any]:
    """The keys that upstream's client prints."""
    build = reply.build
    return {
        "Name": reply.name,
        "Version": reply.version,
        "Probes": {probe.Name: probe.Enabled.value for probe in reply.probes},
        "Conf": {entry.key: _plain(entry) for entry in reply.conf},
        "Build": {
            "GoVersion": build.go_version,
            "Commit": build.commit,
            "Time": build.time,
            "Modified": build.modified,
        },
    }


def _plain(entry: GetInfoResponse.ConfVal) -> object:
    """A setting's value; a type that this client does not know is shown as its type's name."""
    for kind in _PACKED:
        message = kind()
        if entry.value.Unpack(message):
            return json_format.MessageToDict(message)
    return entry.value.type_url
