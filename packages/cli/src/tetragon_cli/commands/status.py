# SPDX-License-Identifier: Apache-2.0
"""`status`: the agent's health, and what it counted; losses stand out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from tetragon.sensors_pb2 import ListTracingPoliciesRequest, ListTracingPoliciesResponse
from tetragon.tetragon_pb2 import GetHealthStatusRequest, GetHealthStatusResponse
from tetragon_core.errors import TetragonError
from tetragon_core.stats import Counter

from ..client import AgentClient
from ..compact.text import escape
from ..policy_table import attach_methods, state_text
from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon import tetragon_pb2 as pb
    from tetragon.sensors_pb2 import TracingPolicyStatus

__all__ = ["command"]

_LOSSES: Final = frozenset(counter.label for counter in Counter if counter.lost)
_FAILED: Final = 1


@client_options
@click.command("status")
@click.pass_context
def command(ctx: click.Context) -> int:
    """Tell whether the agent works, which policies it has and what it lost."""
    with AgentClient(client_settings(ctx)) as client:
        reply = client.call("GetHealth", GetHealthStatusRequest(), GetHealthStatusResponse)
        policies = _policies(client)
    health = reply.health_status[0].details if reply.health_status else "no status available"
    click.echo(f"Health Status: {escape(health)}")
    for policy in policies:
        key = "/".join(filter(None, (policy.domain, policy.namespace, policy.name)))
        methods = attach_methods(policy)
        click.echo(f"policy {escape(key)} {state_text(policy)} {methods}".rstrip())
        if policy.fell_back:
            click.echo("  only monitors: it killed too often, see `tracingpolicy list`")
    if sys.stdout.isatty():
        _draw_table(reply)
    else:
        for counter in reply.counters:
            mark = "lost " if _is_loss(counter) else ""
            click.echo(f"{mark}{_name(counter)} {counter.value}")
    return 0 if reply.health_status else _FAILED


def _policies(client: AgentClient) -> Iterable[TracingPolicyStatus]:
    """Those of the agent; none of one that does not know what policies are."""
    request = ListTracingPoliciesRequest()
    try:
        return client.call("ListTracingPolicies", request, ListTracingPoliciesResponse).policies
    except TetragonError:
        return ()


def _is_loss(counter: pb.Counter) -> bool:
    """True when the counter counts losses and there were some."""
    return counter.value > 0 and counter.name in _LOSSES


def _name(counter: pb.Counter) -> str:
    """Name and labels, as in metrics."""
    labels = ",".join(f'{key}="{counter.labels[key]}"' for key in sorted(counter.labels))
    return escape(f"{counter.name}{{{labels}}}" if labels else counter.name)


def _draw_table(reply: GetHealthStatusResponse) -> None:
    """The counters as a table; red ones are losses."""
    if not reply.counters:
        return
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.table import Table  # noqa: PLC0415  # only on a terminal
    from rich.text import Text  # noqa: PLC0415  # only on a terminal

    table = Table("Counter", "Value", "Meaning", box=None)
    table.columns[1].justify = "right"
    for counter in reply.counters:
        row = (_name(counter), str(counter.value), escape(counter.help))
        table.add_row(*map(Text, row), style="bold red" if _is_loss(counter) else None)
    Console().print(table)
