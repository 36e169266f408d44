# SPDX-License-Identifier: Apache-2.0
"""`rthooks`: announces a container to the agent as a container runtime's hook does, for tests."""

from __future__ import annotations

import click

from tetragon_core.errors import UsageError

from ..settings import client_options, client_settings

__all__ = ["command"]


@client_options
@click.group("rthooks")
def command() -> None:
    """Announce a container to the agent, for tests."""


@command.command("create-container")
@client_options
@click.option("--container-id", default="", help="Sent as the container's cgroup path.")
@click.option("--root-dir", default="", help="Root directory of the container.")
@click.option("--annotations", multiple=True, metavar="KEY=VALUE,...", help="Annotations.")
@click.pass_context
def _create(
    ctx: click.Context, container_id: str, root_dir: str, annotations: tuple[str, ...]
) -> None:
    """Announce a container that is about to start."""
    from tetragon import tetragon_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    from ..client import AgentClient  # noqa: PLC0415  # as above

    new = pb.CreateContainer(
        cgroupsPath=container_id, rootDir=root_dir, annotations=_pairs(annotations)
    )
    request = pb.RuntimeHookRequest(createContainer=new)
    with AgentClient(client_settings(ctx)) as client:
        client.call("RuntimeHook", request, pb.RuntimeHookResponse)


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in (one for each in texts for one in each.split(",")):
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--annotations: {text!r} must be KEY=VALUE")
        pairs[key] = value
    return pairs
