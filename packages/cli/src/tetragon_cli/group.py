# SPDX-License-Identifier: Apache-2.0
"""The click group of all subcommands; a command's module is imported when the command is used."""

from __future__ import annotations

import difflib
import importlib
from typing import NoReturn

import click

from .commands import COMMANDS
from .settings import client_options
from .short_options import joined

__all__ = ["PROGRAM", "root"]

PROGRAM = "tetragon-mini"
_SHOWN = tuple(row for row in COMMANDS if not row.hidden)
_NAMES = tuple(row.name for row in _SHOWN)
_MODULES = {word: row.name for row in COMMANDS for word in (row.name, row.alias) if word}


class LazyGroup(click.Group):
    """Commands from COMMANDS, in that order, found by name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """All words of the command line, those of the command too."""
        return super().parse_args(ctx, joined(args))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Names in the order of the table."""
        return list(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """The command, imported now."""
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f".commands.{_MODULES[cmd_name]}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names."""
        if args[0] not in _MODULES and not args[0].startswith("-"):
            _unknown(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """The list in the help text, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.summary) for row in _SHOWN])


def _unknown(name: str) -> NoReturn:
    near = difflib.get_close_matches(name, _NAMES, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"see {PROGRAM} --help"
    raise click.UsageError(f'unknown command "{name}" for "{PROGRAM}"; {hint}')


@client_options
@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def root() -> None:
    """See every process of this host start and end."""
