# SPDX-License-Identifier: Apache-2.0
"""The page about expressions says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tetragon.events_pb2 import GetEventsResponse
from tetragon_server.cel import CelError, compile_expression
from tetragon_server.cel.evaluation import COST_LIMIT
from tetragon_server.cel.functions import _ROWS
from tetragon_server.cel.parser import _MAX_DEPTH, _MAX_LENGTH, _MAX_NESTING

_PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cel.md").read_text("utf-8")
_GOOD, _BAD = (re.findall("^    (.*)", part, re.MULTILINE) for part in _PAGE.split("are refused:"))


def test_every_example_is_an_expression() -> None:
    """What the page recommends compiles and is for some event."""
    assert len(_GOOD) > 5
    assert all(compile_expression(one).kinds for one in _GOOD)


def test_every_refused_example_is_refused() -> None:
    """What the page warns of does not compile."""
    assert len(_BAD) > 2
    for one in _BAD:
        with pytest.raises(CelError):
            compile_expression(one)


def test_every_function_and_variable_is_named() -> None:
    """A row added to the table, or an event to the API, is added to the page."""
    words = set(re.findall(r"`([\w.]+)`", _PAGE))
    functions = {row.name for row in _ROWS if re.fullmatch(r"[A-Za-z][\w.]*", row.name)}
    events = {field.name for field in GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields}

    assert set() == (functions | events) - words


def test_every_limit_is_named() -> None:
    """The numbers on the page are those of the code."""
    limits = _PAGE.partition("## Limits")[2]

    assert all(f"| {one} " in limits or f" {one} levels" in limits for one in _limits())


def _limits() -> tuple[int, ...]:
    return (_MAX_LENGTH, _MAX_NESTING, _MAX_DEPTH, COST_LIMIT)
