# SPDX-License-Identifier: Apache-2.0
"""`getevents`: its options. The work is in getevents.py, the formats have modules of their own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from ..boolean import boolean_option
from ..event_filters import EventChoice, event_filter_options
from ..history import Earlier, Since
from ..settings import Duration, client_options, client_settings

if TYPE_CHECKING:
    from ..getevents import Format

__all__ = ["command"]


@client_options
@click.command("getevents")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["compact", "json", "mini", "table"]),
    help="Format [compact on a terminal, else json].",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colours, in all formats but json [auto].",
)
@boolean_option("--timestamps", text="Time before each line, in compact format only.")
@boolean_option("--stack-traces", default=True, text="Stack traces, in compact format only.")
@boolean_option("--ima-hash", default=True, text="File hashes, in compact format only.")
@boolean_option("--all-fields", text="Fields that only this project has, in json format only.")
@click.option(
    "-t",
    "--tty-encode",
    "tty_path",
    metavar="PATH",
    help="Only the bytes that were written to this file or terminal, instead of -o.",
)
@click.option(
    "--input",
    "paths",
    multiple=True,
    metavar="FILE",
    help="Read JSON events from FILE, which may be compressed (- is standard input).",
)
@click.option("--last", type=click.IntRange(min=1), help="The last N events first.")
@click.option(
    "--since", "since_ns", type=Since(), help="Events since then first: 5m, 14:30, 2026-01-31."
)
@boolean_option("--follow", text="Go on when the agent restarts, or a file is rotated.")
@boolean_option("--reconnect", text="Connect again when the agent goes away.")
@click.option(
    "--reconnect-wait", "wait_s", type=Duration(), default=2.0, help="Pause before that [2s]."
)
@event_filter_options
@click.pass_context
def command(  # noqa: PLR0913  # one parameter for each option
    ctx: click.Context,
    *,
    choice: EventChoice,
    output: str | None,
    color: str,
    timestamps: bool,
    stack_traces: bool,
    ima_hash: bool,
    all_fields: bool,
    tty_path: str | None,
    paths: tuple[str, ...],
    last: int | None,
    since_ns: int | None,
    follow: bool,
    reconnect: bool,
    wait_s: float,
) -> None:
    """Print events as they happen.

    Events come from the agent, or from several: give --server-address more than once. When
    standard input is a pipe or a file, JSON events are read from it instead.
    """
    from ..event_sources import Wishes, from_agents, from_files, is_stdin_data  # noqa: PLC0415  # imports gRPC
    from ..getevents import print_events  # noqa: PLC0415  # keeps --help and completion fast

    if follow and reconnect:
        raise click.UsageError("--follow does what --reconnect does, and more; give one of them")
    settings = client_settings(ctx)
    wishes = Wishes(
        choice=choice,
        earlier=Earlier(last or 0, since_ns),
        follow=follow,
        reconnect_s=wait_s if reconnect else None,
    )
    is_of_files = bool(paths) or is_stdin_data()
    has_nodes = len(paths) > 1 if is_of_files else "," in settings.server_address
    form = _format(
        "tty" if tty_path else output or ("compact" if sys.stdout.isatty() else "json"),
        _Look(colours=_use_colours(color), has_nodes=has_nodes, tty_path=tty_path or ""),
        all_fields=all_fields,
        timestamps=timestamps,
        stack_traces=stack_traces,
        ima_hash=ima_hash,
    )
    if is_of_files:
        events = from_files(paths or ("-",), settings.max_recv_size, wishes)
    else:
        events = from_agents(settings, wishes)
    print_events(events, form, has_nodes=has_nodes)


def _use_colours(choice: str) -> bool:
    """What --color means here and now."""
    if choice == "auto":
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return wanted and sys.stdout.isatty()
    return choice == "always"


class _Look(NamedTuple):
    """What all formats but JSON have to know."""

    colours: bool
    has_nodes: bool
    tty_path: str


def _format(name: str, look: _Look, *, all_fields: bool, **compact: bool) -> Format:
    """The format of that name."""
    # Only one format is needed, hence the imports.
    if name == "json":
        return _json(all_fields=all_fields)
    if name == "mini":
        from ..mini import MiniFormat  # noqa: PLC0415  # see above

        return MiniFormat(colours=look.colours, has_nodes=look.has_nodes)
    if name == "table":
        from ..table import TableFormat, terminal_width  # noqa: PLC0415  # see above

        width = terminal_width if sys.stdout.isatty() else None
        return TableFormat(colours=look.colours, has_nodes=look.has_nodes, width=width)
    if name == "tty":
        from ..terminal_replay import TerminalReplay  # noqa: PLC0415  # see above

        return TerminalReplay(look.tty_path)
    from ..compact import CompactFormat  # noqa: PLC0415  # see above

    return CompactFormat(colours=look.colours, **compact)


def _json(*, all_fields: bool) -> Format:
    from tetragon_server.jsontext import JsonFormat  # noqa: PLC0415  # only one format is needed

    form = JsonFormat(all_fields=all_fields)
    if not sys.stdout.isatty():
        return form
    from ..terminal_json import TerminalJson  # noqa: PLC0415  # only for a terminal

    return TerminalJson(form)
