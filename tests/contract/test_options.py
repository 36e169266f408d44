# SPDX-License-Identifier: Apache-2.0
"""Each option of Tetragon's agent is accepted, and the ones that have an effect are its."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tetragon_cli.commands.agent import command
from tetragon_server.config import OPTIONS, Option
from tetragon_server.config.ignored import IGNORED
from tetragon_server.config.writing import written

ROOT: Final = Path(__file__).parents[2]
SPEC: Final = ROOT.parent / "shared/spec/cli.md"
"""Facts about Tetragon beside this repository, on some machines."""
LINES: Final = (ROOT / "tests/data/tetragon_options.txt").read_text(encoding="utf-8").splitlines()
DEFAULTS: Final = {
    name.strip(): default.strip()
    for name, default in (line.split("=", 1) for line in LINES if not line.startswith("#"))
}
"""Tetragon's, by option."""
OURS: Final = {option.name: option for option in OPTIONS}
WITHOUT_EFFECT: Final = {one.name: one for one in IGNORED}


def test_every_option_is_known_once() -> None:
    """An option has an effect, or a line that says what happens instead; never both."""
    shared = {option.name for option in OPTIONS if not option.is_ours}

    assert set(DEFAULTS) == shared | WITHOUT_EFFECT.keys()
    assert set() == shared & WITHOUT_EFFECT.keys()


def test_ours_are_marked() -> None:
    """No option of Tetragon is said to be an invention."""
    assert set() == {option.name for option in OPTIONS if option.is_ours} & DEFAULTS.keys()


def test_the_list_is_complete() -> None:
    """Every option in the tables of the facts is in the list, where there are facts."""
    text = SPEC.read_text(encoding="utf-8") if SPEC.exists() else ""
    agent = text.partition("\n# Part 2")[2]
    row = re.compile(r"^\| ([^|]*) \| [^|]* \| [^|]* \| (?:H|K|o|H K) \|$", re.MULTILINE)
    tables = row.findall(agent)
    words = {word for cell in tables for word in re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)+", cell)}

    assert set() == words - DEFAULTS.keys()


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() & OURS.keys()))
def test_defaults_are_tetragons(name: str) -> None:
    """Or the option says how it differs, and why."""
    option = OURS[name]

    same = option.kind.parse(DEFAULTS[name]) == option.default

    assert same or option.differs


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_defaults_without_effect_are_tetragons(name: str) -> None:
    """Only another value is worth a warning."""
    assert DEFAULTS[name] == WITHOUT_EFFECT[name].default


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_default_can_be_written(option: Option) -> None:
    """What documents show as default is the default when it is written somewhere."""
    text = written(option.kind, option.default)

    assert option.kind.parse(text) == ("" if option.default is None else option.default)


def test_the_command_line_takes_each() -> None:
    """Hidden ones too."""
    taken = {
        word.removeprefix("--")
        for parameter in command.params
        for word in parameter.opts
        if word.startswith("--")
    }

    assert set() == (DEFAULTS.keys() | OURS.keys()) - taken
