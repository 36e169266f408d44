# SPDX-License-Identifier: Apache-2.0
"""What exists: commands with their options, from the click tree, and the files of the tree."""

from __future__ import annotations

import fnmatch
import re
import shlex
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Final

import click

from docs.pages import ROOT
from tetragon_cli.commands import COMMANDS
from tetragon_cli.group import PROGRAM, root
from tetragon_cli.short_options import joined
from tetragon_crio_hook.options import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_path", "unknown_options", "unknown_words"]

_OPTION: Final = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9](?![\w-])")
_WRAPPERS: Final = frozenset({"sudo", "exec", "time", "nohup"})


def unknown_options(code: str) -> list[str]:
    """Options in back-ticks that no command of ours has; none behind a command of others."""
    if not code.startswith(("--", *(f"{row.name} " for row in COMMANDS))):
        return []
    return sorted(set(_OPTION.findall(code)) - _all_options())


@cache
def _all_options() -> frozenset[str]:
    """Every long option of every command; the hook's have a parser of their own."""
    given = {name for command in _commands(root) for name in _options(command)}
    return frozenset(given | {f"--{flag.name}" for flag in FLAGS} | {"--help"})


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = [one.name for one in COMMANDS] if command is root else command.commands
        for name in names:
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands(inner)


def _options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)


def unknown_words(line: str) -> list[str]:
    """Commands and options in a command line of ours that do not exist; none in those of others."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    while words and words[0] in _WRAPPERS:
        del words[0]
    if not words or words[0].rpartition("/")[2] != PROGRAM:
        return []
    return list(_unknown(_until_operator(joined(words[1:]))))


def _until_operator(words: list[str]) -> list[str]:
    ends = [at for at, word in enumerate(words) if word in {"|", "&", "&&", ";", ">", "||"}]
    return words[: ends[0]] if ends else words


def _unknown(words: list[str]) -> Iterator[str]:
    """Follow the groups by their names; a value of an option is not told from another word."""
    command: click.Command = root
    known = set(_options(root))
    for word in words:
        if word == "--":
            return
        if word.startswith("-") and len(word) > 1:
            name = word.partition("=")[0] if word.startswith("--") else word[:2]
            if name not in known | {"-h", "--help"}:
                yield name
            continue
        if not isinstance(command, click.Group) or not word.isidentifier() | ("-" in word):
            continue
        inner = command.get_command(click.Context(command), word)
        if inner is not None:
            command = inner
            known |= set(_options(command))


@cache
def _files() -> frozenset[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(listed.stdout.splitlines())


def is_path(text: str) -> bool:
    """Whether a file or folder of the tree has this path, or one that ends so; `*` is any text."""
    if text.startswith(("build/", "dist/", ".venv/")):
        return True  # made, not kept
    package, _, rest = text.partition("/")
    if package in {"core", "sensors", "server", "k8s", "cli"}:
        text = f"tetragon_{package}/{rest}"
    wanted = text.removeprefix("./").rstrip("/")
    patterns = (wanted, f"*/{wanted}", f"{wanted}/*", f"*/{wanted}/*", f"{wanted}.c")
    return any(fnmatch.filter(_files(), pattern) for pattern in patterns)
