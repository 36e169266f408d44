# SPDX-License-Identifier: Apache-2.0
"""Every command and option of Tetragon's client is here, or the published table says why not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click
import pytest

from tetragon_cli.commands import COMMANDS
from tetragon_cli.group import root

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
TABLE: Final = (ROOT / "docs/reference/commands.md").read_text()
OWN: Final = {"--help"}


class Line(NamedTuple):
    """A command of upstream's client."""

    command: str
    alias: str
    options: frozenset[str]


def lines() -> Iterator[Line]:
    """All of them; the first has the options that each command takes."""
    for line in (ROOT / "tests/data/tetra-commands.txt").read_text().splitlines():
        found = re.fullmatch(r"([^#:(]+?)(?: \((\S+)\))?:(.*)", line)
        if found:
            yield Line(found[1], found[2] or "", frozenset(found[3].split()))


EVERYWHERE, *UPSTREAM = lines()


def rows(title: str) -> dict[str, list[str]]:
    """Rows of the table below a title."""
    section = TABLE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `([^`]+)` \|(.+)\|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


ROWS: Final = rows("Commands of `tetra`")
OURS: Final = rows("Commands of this project alone")


def find(words: str) -> click.Command | None:
    """A command of ours; shells are an argument of `completion`."""
    command: click.Command = root
    for word in words.split():
        if command.name == "completion":
            return command if word in command.params[0].type.choices else None  # type: ignore[attr-defined]  # of its kind
        found = isinstance(command, click.Group) and command.get_command(click.Context(root), word)
        if not found:
            return None
        command = found
    return command


def options(command: click.Command, *, hidden: bool = True) -> set[str]:
    """All spellings of its options."""
    given = [one for one in command.params if isinstance(one, click.Option)]
    return {name for one in given for name in one.opts if hidden or not one.hidden}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Commands that do something, without aliases."""
    if not isinstance(command, click.Group):
        yield path
        return
    names = [row.name for row in COMMANDS] if command is root else list(command.commands)
    seen: list[click.Command | None] = []
    for name in names:
        inner = command.get_command(click.Context(root), name)
        if inner is not None and inner not in seen:
            yield from leaves(inner, (*path, name))
        seen.append(inner)


def test_each_command_has_a_row() -> None:
    """And each row is of a command."""
    assert {one.command for one in UPSTREAM} == ROWS.keys()


@pytest.mark.parametrize("one", UPSTREAM, ids=lambda one: one.command)
def test_rows_are_true(one: Line) -> None:
    """What is absent is not there and has a reason; of the rest, options that differ are named."""
    state, text = ROWS[one.command]
    command = find(one.command)

    assert state in {"same", "different", "absent"}
    assert (state == "absent") == (command is None)
    if command is None:
        assert text
        return
    assert one.options <= options(command)
    named = set(re.findall(r"`(--[\w-]+)", text))
    ours = options(command, hidden=False) - one.options - EVERYWHERE.options - OWN
    assert set() == {name for name in ours if name.startswith("--")} - named
    assert state == "different" or not ours


@pytest.mark.parametrize("one", [one for one in UPSTREAM if one.alias], ids=lambda one: one.command)
def test_aliases(one: Line) -> None:
    """The other names lead to the same."""
    group, _, _ = one.command.rpartition(" ")

    assert find(one.command) is find(f"{group} {one.alias}")


def test_options_that_each_command_takes() -> None:
    """Before the command; and behind it, where the table does not say otherwise."""
    assert EVERYWHERE.options <= options(root)
    lacking = {
        one.command: EVERYWHERE.options - options(command)
        for one in UPSTREAM
        if (command := find(one.command)) is not None
    }
    spared = {name for name in lacking if name.startswith("completion")} | {"debug progs", "help"}
    assert {} == {name: found for name, found in lacking.items() if found and name not in spared}


def test_commands_of_ours() -> None:
    """Each that upstream's client has not is in the second list."""
    known = {one.command for one in UPSTREAM} | {"completion"}
    here = {" ".join(path) for path in leaves(root)}

    assert here - known - {"probe"} == OURS.keys()
    assert {"log", "tp"} <= {row.alias for row in COMMANDS}
