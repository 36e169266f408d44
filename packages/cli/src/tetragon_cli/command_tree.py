# SPDX-License-Identifier: Apache-2.0
"""All commands as a list, each once, for those who write about them: man pages, the reference.

It imports every command's module, which the command line itself never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from .commands import COMMANDS
from .group import PROGRAM, root

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CommandEntry", "OptionText", "arguments_of", "entries", "own_options"]


class CommandEntry(NamedTuple):
    """A command, or a group of them."""

    words: tuple[str, ...]
    """Behind the program's name; none for the program itself."""
    context: click.Context
    """With those of the groups above it, as when it is run."""
    aliases: tuple[str, ...]
    is_hidden: bool

    @property
    def summary(self) -> str:
        """One sentence."""
        rows = [row.summary for row in COMMANDS if self.words == (row.name,)]
        return rows[0] if rows else self.context.command.get_short_help_str(limit=200)

    @property
    def usage(self) -> str:
        """The words to type, and names for those to choose."""
        pieces = self.context.command.collect_usage_pieces(self.context)
        return " ".join((self.context.command_path, *pieces))


class OptionText(NamedTuple):
    """An option as the help text shows it."""

    names: str
    text: str


def entries() -> Iterator[CommandEntry]:
    """Program, commands, commands of commands, in the order of the help text."""
    context = click.Context(root, info_name=PROGRAM)
    yield CommandEntry((), context, (), is_hidden=False)
    for row in COMMANDS:
        command = root.get_command(context, row.name)
        if command is not None:
            inner = click.Context(command, info_name=row.name, parent=context)
            aliases = (row.alias,) if row.alias else ()
            yield CommandEntry((row.name,), inner, aliases, row.hidden)
            yield from _inner(inner, (row.name,), is_hidden=row.hidden)


def _inner(
    context: click.Context, words: tuple[str, ...], *, is_hidden: bool
) -> Iterator[CommandEntry]:
    group = context.command
    if not isinstance(group, click.Group):
        return
    names: dict[int, list[str]] = {}
    for name, command in group.commands.items():
        names.setdefault(id(command), []).append(name)
    for command in {id(one): one for one in group.commands.values()}.values():
        name, *aliases = sorted(names[id(command)], key=lambda one: one != command.name)
        inner = click.Context(command, info_name=name, parent=context)
        hidden = is_hidden or command.hidden
        yield CommandEntry((*words, name), inner, tuple(aliases), hidden)
        yield from _inner(inner, (*words, name), is_hidden=hidden)


def arguments_of(entry: CommandEntry) -> list[str]:
    """Names of the command's arguments, as its usage shows them."""
    given = entry.context.command.get_params(entry.context)
    return [one.make_metavar(entry.context) for one in given if isinstance(one, click.Argument)]


def own_options(entry: CommandEntry) -> list[OptionText]:
    """Options that are shown, but for -h and those of the connection, which the program has."""
    general = {one.name for one in root.params} if entry.words else set()
    texts = []
    for one in entry.context.command.params:
        record = one.get_help_record(entry.context) if isinstance(one, click.Option) else None
        if record and one.name not in general:
            texts.append(OptionText(*record))
    return texts
