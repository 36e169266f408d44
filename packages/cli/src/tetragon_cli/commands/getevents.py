# SPDX-License-Identifier: Apache-2.0
"""`getevents`: its options. The work is in getevents.py, the formats have modules of their own."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING

import click

from ..boolean import boolean_option
from ..event_filters import EventChoice, event_filter_options
from ..settings import ClientSettings, Duration, client_options, client_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon.events_pb2 import GetEventsResponse

    from ..getevents import Format

__all__ = ["command"]


@client_options
@click.command("getevents")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["compact", "json", "mini"]),
    help="Format [compact on a terminal, else json].",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colours, in compact format only [auto].",
)
@boolean_option("--timestamps", text="Time before each line, in compact format only.")
@boolean_option("--stack-traces", default=True, text="Stack traces, in compact format only.")
@boolean_option("--ima-hash", default=True, text="File hashes, in compact format only.")
@boolean_option("--all-fields", text="Fields that only this project has, in json format only.")
@click.option(
    "--input", "path", metavar="FILE", help="Read JSON events from FILE (- is standard input)."
)
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
    path: str | None,
    reconnect: bool,
    wait_s: float,
) -> None:
    """Print events as they happen.

    Events come from the agent. When standard input is a pipe or a file, JSON events are read from
    it instead.
    """
    from ..getevents import print_events  # noqa: PLC0415  # keeps --help and completion fast

    form = _format(
        output or ("compact" if sys.stdout.isatty() else "json"),
        all_fields=all_fields,
        colours=_use_colours(color),
        timestamps=timestamps,
        stack_traces=stack_traces,
        ima_hash=ima_hash,
    )
    settings = client_settings(ctx)
    print_events(_events(settings, choice, path, reconnect=reconnect, wait_s=wait_s), form)


def _use_colours(choice: str) -> bool:
    """What --color means here and now."""
    if choice == "auto":
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return wanted and sys.stdout.isatty()
    return choice == "always"


def _format(name: str, *, all_fields: bool, **compact: bool) -> Format:
    """The format of that name."""
    if name == "json":
        from tetragon_server.jsontext import JsonFormat  # noqa: PLC0415  # only one format is needed

        return JsonFormat(all_fields=all_fields)
    if name == "mini":
        from ..mini import MiniFormat  # noqa: PLC0415  # only one format is needed

        return MiniFormat()
    from ..compact import CompactFormat  # noqa: PLC0415  # only one format is needed

    return CompactFormat(**compact)


def _events(
    settings: ClientSettings,
    choice: EventChoice,
    path: str | None,
    *,
    reconnect: bool,
    wait_s: float,
) -> Iterator[GetEventsResponse]:
    """Events from where the options and standard input say."""
    from ..event_sources import from_agent, from_file, is_stdin_data  # noqa: PLC0415  # imports gRPC

    if path is not None or is_stdin_data():
        return choice.select(from_file(path or "-", settings.max_recv_size))
    if reconnect:
        from ..getevents import reconnecting  # noqa: PLC0415  # as above

        return reconnecting(functools.partial(from_agent, settings, choice.request()), wait_s)
    return from_agent(settings, choice.request())
