# SPDX-License-Identifier: Apache-2.0
"""`debug dump`, also as `dump`: what the agent's process cache and its maps hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tetragon_core.errors import TetragonError, UsageError

from ..kernel_objects import PIN_ROOT, owned_map, run_dir_option
from ..settings import client_options, client_settings
from ..workload_lines import filter_lines, map_fname, print_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from tetragon.sensors_pb2 import DumpProcessCacheResArgs

__all__ = ["command", "execve_lines", "process_cache"]

_PROCESSES: Final = "processes"
"""The base sensor's table of processes."""


@client_options
@click.group("dump")
def command() -> None:
    """Show what the agent's process cache and maps hold."""


@command.command("processcache")
@client_options
@click.option("--skip-zero-refcnt", is_flag=True, help="Leave out what nothing refers to.")
@click.option("--exclude-execve-map-processes", is_flag=True, help="Leave out processes that run.")
@click.pass_context
def _process_cache(
    ctx: click.Context, *, skip_zero_refcnt: bool, exclude_execve_map_processes: bool
) -> None:
    """Print the process cache, one JSON object a line."""
    from tetragon_server.jsontext import JsonFormat  # noqa: PLC0415  # keeps --help fast

    from ..client import AgentClient  # noqa: PLC0415  # keeps --help fast

    settings = client_settings(ctx)
    with AgentClient(settings) as client:
        reply = process_cache(
            client.call,
            settings.max_recv_size,
            skip_zero_refcnt=skip_zero_refcnt,
            exclude_running=exclude_execve_map_processes,
        )
    render = JsonFormat().render
    for one in reply.processes:
        click.echo(render(one), nl=False)
    if reply.left_out:
        click.echo(
            f"{reply.left_out} more entries would have made the reply too large:"
            " give a larger --max-recv-size",
            err=True,
        )


def process_cache(
    call: Callable[[str, Message, type[Any]], Any],
    max_bytes: int,
    *,
    skip_zero_refcnt: bool = False,
    exclude_running: bool = False,
) -> DumpProcessCacheResArgs:
    """What the agent answers to `call`, a client's; `left_out` tells of what did not fit."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    wanted = pb.DumpProcessCacheReqArgs(
        skip_zero_refcnt=skip_zero_refcnt,
        exclude_execve_map_processes=exclude_running,
        max_bytes=max_bytes,
    )
    request = pb.GetDebugRequest(flag="CONFIG_FLAG_DUMP_PROCESS_CACHE", dump=wanted)
    reply: pb.GetDebugResponse = call("GetDebug", request, pb.GetDebugResponse)
    return reply.processes


@command.command("execve")
@client_options
@map_fname
@run_dir_option
def _execve(map_fname: str, run_dir: Path) -> None:
    """Print the processes that the programs in the kernel know."""
    is_empty = True
    for line in execve_lines(run_dir, map_fname):
        is_empty = False
        click.echo(line)
    if is_empty:
        click.echo("(empty)")


def execve_lines(info_file: Path, map_fname: str = "") -> Iterator[str]:
    """One line for each process. Raises TetragonError when there is no such map."""
    from tetragon_sensors.process_table import process_table  # noqa: PLC0415  # not for --help

    number = None if map_fname else owned_map(_PROCESSES, Path(PIN_ROOT), info_file)
    for entry in process_table(number, Path(map_fname)):
        parent = f"parent_pid={entry.parent_pid} parent_ktime={entry.parent_ktime_ns}"
        yield f"{entry.pid} ktime={entry.ktime_ns} {parent} flags={entry.flags:#x}"


@command.command("policyfilter")
@client_options
@map_fname
@run_dir_option
def _policy_filter(map_fname: str, run_dir: Path) -> None:
    """Print the cgroups of the containers that each filter of policies holds for."""
    print_all(filter_lines(run_dir, map_fname))


@command.command("errmetrics")
@client_options
@click.option("-o", "--output", default="tab", help="tab or json.")
@map_fname
def _error_metrics(output: str, map_fname: str) -> None:  # noqa: ARG001  # upstream's option
    """Tell where errors inside the kernel are counted here."""
    if output not in {"tab", "json"}:
        raise UsageError(f"unknown output format: {output}; write tab or json")
    raise TetragonError(
        "this agent has no map of errors: what goes wrong in the kernel is among the counters of"
        " `tetragon-mini status`"
    )


# A name that scripts of old have.
command.add_command(command.commands["processcache"], "processCache")
