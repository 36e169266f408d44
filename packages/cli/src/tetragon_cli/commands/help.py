# SPDX-License-Identifier: Apache-2.0
"""`help`: the same as --help behind a command, for those who write it before."""

from __future__ import annotations

import click

from ..group import PROGRAM

__all__ = ["command"]


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.option("--man", is_flag=True, help="The man page instead, in roff: pipe it to man -l -.")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...], *, man: bool) -> None:
    """Print the help of a command."""
    if man:
        click.echo(_man_page(words), nl=False)
        return
    context = ctx.find_root()
    for word in words:
        found = None
        if isinstance(context.command, click.Group):
            found = context.command.get_command(context, word)
        if found is None:
            raise click.UsageError(f'unknown command "{word}" for "{context.command_path}"')
        context = click.Context(found, info_name=word, parent=context)
    click.echo(context.get_help())


def _man_page(words: tuple[str, ...]) -> str:
    """The page of the command, or of the program."""
    from ..manual import man_pages  # noqa: PLC0415  # imports all commands

    name = "-".join((PROGRAM, *words))
    for page in man_pages():
        if page.name in {name, " ".join(words)}:
            return page.text
    raise click.UsageError(f"there is no man page {name}; the first word of a command has one")
