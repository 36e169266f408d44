# SPDX-License-Identifier: Apache-2.0
"""`policyfilter`: which containers policies are for, as the agent's table in the kernel has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..kernel_objects import run_dir_option
from ..settings import client_options, client_settings
from ..workload_lines import (
    cgroup_number,
    filter_bits,
    filter_lines,
    home_number,
    map_fname,
    print_all,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@client_options
@click.group("policyfilter")
def command() -> None:
    """Tools for the filter of policies by workload."""


@command.command("cgroupid")
@client_options
@click.argument("path")
@map_fname
def _cgroup_id(path: str, map_fname: str) -> None:  # noqa: ARG001  # upstream's option
    """Print the number of a cgroup, given its directory."""
    click.echo(cgroup_number(f"./{path}" if path.isdecimal() else path))


@command.command("dump")
@client_options
@map_fname
@run_dir_option
def _dump(map_fname: str, run_dir: Path) -> None:
    """Print the cgroups of the containers that each filter holds for.

    The numbers of a policy's filters are in `tracingpolicy list -o json --all-fields`.
    """
    print_all(filter_lines(run_dir, map_fname))


@command.command("listpolicies")
@client_options
@click.argument("container")
@click.option("-r", "--runtime-endpoint", default="", help="Not needed here.")
@click.option("--cgroup-mount", default="", metavar="DIR", help="Where the cgroups are [found].")
@map_fname
@run_dir_option
@click.pass_context
def _list_policies(  # one parameter for each option
    ctx: click.Context,
    container: str,
    runtime_endpoint: str,  # noqa: ARG001  # upstream's option
    cgroup_mount: str,
    map_fname: str,
    run_dir: Path,
) -> None:
    """List the policies that select a container, given its id or the start of it."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    from ..client import AgentClient  # noqa: PLC0415  # keeps --help fast
    from ..policy_table import policy_table  # noqa: PLC0415  # keeps --help fast

    bits = filter_bits(run_dir, map_fname).get(home_number(container, cgroup_mount), 0)
    if not bits:
        return
    request = pb.ListTracingPoliciesRequest()
    with AgentClient(client_settings(ctx)) as client:
        reply = client.call("ListTracingPolicies", request, pb.ListTracingPoliciesResponse)
    found = (
        one for one in reply.policies if any(bits >> number & 1 for number in one.workload_filters)
    )
    click.echo(policy_table(found), nl=False)
