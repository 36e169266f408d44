# SPDX-License-Identifier: Apache-2.0
"""`debug`: the kernel's maps and programs, and what they cost; dumps are in `dump`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tetragon_core.errors import UsageError

from ..kernel_objects import PIN_ROOT, run_dir_option
from ..settings import client_options, debug_option
from .dump import command as dump

__all__ = ["command"]


@client_options
@click.group("debug")
def command() -> None:
    """Look into maps, programs and caches."""


command.add_command(dump)


@command.command("maps")
@client_options
@click.option("-n", "--lines", type=click.IntRange(min=0), default=10, help="Rows [10]; 0: all.")
@click.option("-o", "--output", default="tab", help="tab or json [tab].")
@click.option("--path", default=PIN_ROOT, help=f"Where the agent pins [{PIN_ROOT}].")
@run_dir_option
def _maps(lines: int, output: str, path: str, run_dir: Path) -> None:
    """Tell what memory the agent's maps take."""
    if output not in {"tab", "json"}:
        raise UsageError(f"invalid output format {output!r}, please use one of tab or json")
    from ..map_memory import map_memory  # noqa: PLC0415  # keeps --help fast

    memory = map_memory(Path(path), run_dir)
    if output == "json":
        import json  # noqa: PLC0415  # only one format is needed

        click.echo(json.dumps(memory.as_object(), separators=(",", ":")))
    else:
        click.echo(memory.as_tables(lines), nl=False)


command.add_command(command.commands["maps"], "map")


@command.command("progs")
@debug_option
@click.option("--all", "show_all", is_flag=True, help="Everybody's programs.")
@click.option("--bpf-dir", default=PIN_ROOT, help=f"Where the agent pins [{PIN_ROOT}].")
@click.option("--bpf-lib", default="", help="Not needed here; for scripts.")
@click.option("--timeout", "interval_s", type=click.IntRange(min=1), default=1, help="Seconds [1].")
@click.option("--once", is_flag=True, help="Stop after one interval.")
@click.option("--no-clear", is_flag=True, help="Leave the screen between intervals.")
@run_dir_option
def _progs(  # one parameter for each option
    *,
    show_all: bool,
    bpf_dir: str,
    bpf_lib: str,  # noqa: ARG001  # upstream's option
    interval_s: int,
    once: bool,
    no_clear: bool,
    run_dir: Path,
) -> None:
    """Show how often the agent's programs run, and how long."""
    from ..output import StreamOutput  # noqa: PLC0415  # keeps --help fast
    from ..program_runs import RunTables  # noqa: PLC0415  # as above
    from ..signals import StoppedQuietly  # noqa: PLC0415  # as above

    roots = None if show_all else (Path(bpf_dir), run_dir)
    clear = "" if no_clear or once else "\033[2J\033[H"
    with (
        RunTables(roots, interval_s) as tables,
        StoppedQuietly(),
        StreamOutput(sys.stdout.fileno()) as output,
    ):
        for table in tables:
            output.write(clear + table)
            if once:
                return


command.add_command(command.commands["progs"], "top")


@command.command("enable-stats")
@client_options
def _enable_stats() -> None:
    """Let the kernel count runs of programs until this command is stopped."""
    from ..program_runs import count_until_stopped  # noqa: PLC0415  # keeps --help fast

    count_until_stopped()
