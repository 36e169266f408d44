# SPDX-License-Identifier: Apache-2.0
"""`policyfilter`: the number of a cgroup. There is no map of policies and cgroups to show here."""

from __future__ import annotations

from pathlib import Path

import click

from tetragon_core.errors import UsageError

from ..settings import client_options
from .dump import no_policy_filter

__all__ = ["command"]

_map_fname = click.option("--map-fname", default="", metavar="FILE", help="Not needed here.")


@client_options
@click.group("policyfilter")
def command() -> None:
    """Tools for the filter of policies by workload."""


@command.command("cgroupid")
@client_options
@click.argument("path")
@_map_fname
def _cgroup_id(path: str, map_fname: str) -> None:  # noqa: ARG001  # upstream's option
    """Print the number of a cgroup, given its directory."""
    try:
        # In cgroup file systems the number of the inode is that of the cgroup (kernfs, 5.5).
        number = Path(path).stat().st_ino
    except OSError as error:
        raise UsageError(f"failed to parse cgroup: {path}: {error.strerror}") from error
    click.echo(number)


@command.command("dump")
@client_options
@_map_fname
def _dump(map_fname: str) -> None:  # noqa: ARG001  # upstream's option
    """Tell that there is no such map here."""
    raise no_policy_filter()
