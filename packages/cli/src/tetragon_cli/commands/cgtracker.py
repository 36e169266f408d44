# SPDX-License-Identifier: Apache-2.0
"""`cgtracker`: which cgroups belong to which container, as the agent has told the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..kernel_objects import run_dir_option
from ..settings import client_options
from ..workload_lines import cgroup_number, enter_home, home_lines, map_fname, print_all

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@client_options
@click.group("cgtracker")
def command() -> None:
    """Tools for the table of containers' cgroups."""


@command.command("dump")
@client_options
@map_fname
@run_dir_option
def _dump(map_fname: str, run_dir: Path) -> None:
    """Print for each container's cgroup those that belong to it."""
    print_all(home_lines(run_dir, map_fname))


@command.command("add")
@client_options
@click.argument("tracked")
@click.argument("tracker")
@map_fname
@run_dir_option
def _add(tracked: str, tracker: str, map_fname: str, run_dir: Path) -> None:
    """Have the cgroup TRACKED belong to the container of the cgroup TRACKER, for tests.

    Both are directories or numbers. The agent does not know of it, and may change it again.
    """
    enter_home(run_dir, map_fname, cgroup_number(tracked), cgroup_number(tracker))
