# SPDX-License-Identifier: Apache-2.0
"""`help`: the same as --help behind a command, for those who write it before."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Print the help of a command."""
    context = ctx.find_root()
    for word in words:
        found = None
        if isinstance(context.command, click.Group):
            found = context.command.get_command(context, word)
        if found is None:
            raise click.UsageError(f'unknown command "{word}" for "{context.command_path}"')
        context = click.Context(found, info_name=word, parent=context)
    click.echo(context.get_help())
