# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/cli.md from the commands themselves: usage, options, exit codes.

With --check nothing is written; exit code 1 says that the page is not what it would be.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from page import by_hand, cell, write_or_check
from tetragon_cli.command_tree import entries, own_options
from tetragon_core.exit_codes import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_cli.command_tree import CommandEntry

OUTPUT: Final = Path(__file__).parents[1] / "docs/reference/cli.md"
HEAD: Final = "| option | what it is for |\n|---|---|\n"
ELSEWHERE: Final = {
    ("agent",): "Its options are the settings of [agent-options.md](agent-options.md).\n"
}
"""Options that have a page of their own."""


def generate() -> str:
    """The whole page."""
    known = list(entries())
    lines = [by_hand(OUTPUT, "gen_cli"), "\n## Exit codes\n\n| code | meaning |\n|---|---|\n"]
    lines += [f"| {code} | {cell(text)} |\n" for code, text in exit_codes()]
    lines.append("\n## For all commands\n\n")
    lines += _options(known[0])
    for entry in known[1:]:
        if not entry.is_hidden:
            lines += _section(entry)
    lines.append(
        "\n# Hidden commands\n\nThey are for scripts made for Tetragon's client, and for tests;"
        " `--help` of the program does not list them.\n"
    )
    for entry in known[1:]:
        if entry.is_hidden:
            lines += _section(entry)
    return "".join(lines)


def _section(entry: CommandEntry) -> Iterator[str]:
    level = "#" * (1 + len(entry.words))
    yield f"\n{level} {' '.join(entry.words)}\n\n```text\n{entry.usage}\n```\n\n"
    help_text = inspect.cleandoc(entry.context.command.help or entry.summary)
    yield f"{cell(help_text)}\n"
    if entry.aliases:
        yield f"\nAlso: {', '.join(f'`{alias}`' for alias in entry.aliases)}.\n"
    if entry.words in ELSEWHERE:
        yield f"\n{ELSEWHERE[entry.words]}"
    elif own_options(entry):
        yield "\n"
        yield from _options(entry)
    hidden = [] if entry.words in ELSEWHERE else _hidden(entry)
    if hidden:
        yield f"\nHidden: {', '.join(f'`{name}`' for name in hidden)}.\n"


def _hidden(entry: CommandEntry) -> list[str]:
    """Options that the help text leaves out; `--no-NAME` switches off, and is not named."""
    options = [one for one in entry.context.command.params if isinstance(one, click.Option)]
    names = [one.opts[-1] for one in options if one.hidden]
    return [name for name in names if not name.startswith("--no-")]


def _options(entry: CommandEntry) -> Iterator[str]:
    yield HEAD
    for one in own_options(entry):
        yield f"| `{one.names.replace('|', ' or ')}` | {cell(one.text)} |\n"


if __name__ == "__main__":
    sys.exit(write_or_check(OUTPUT, generate()))
