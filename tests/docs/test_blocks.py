# SPDX-License-Identifier: Apache-2.0
"""Every block of code in the documents is run, parsed, or says why neither is possible."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final

import pytest
import yaml

from docs.markers import MarkerError, parse_marker
from docs.pages import PAGES, Block, page
from tetragon_core.errors import TetragonError
from tetragon_core.policy.parse import parse_policy

NOT_RUN: Final = {"cluster": 6, "internet": 4, "build": 15, "host": 9, "runtime": 4, "vm": 3}
"""At most so many blocks of commands need what no test gives them."""
SHOWN: Final = 17
"""At most so many blocks without a language are no commands."""


def problem_of(block: Block) -> str:
    """What is wrong with a block; empty for nothing."""
    try:
        if block.is_shell:
            parse_marker(block.marker)
        elif block.language == "json":
            read_json(block.text)
        elif block.language == "yaml":
            read_yaml(block.text)
    except (MarkerError, TetragonError, ValueError, yaml.YAMLError) as error:
        return f"{block.line}: {error}"
    return ""


def read_json(text: str) -> None:
    """One value, or one a line."""
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


def read_yaml(text: str) -> None:
    """All documents of it; policies by the agent's own parser."""
    for part in text.split("\n---\n"):
        read = yaml.safe_load(part)
        if isinstance(read, dict) and str(read.get("kind")).startswith("TracingPolicy"):
            parse_policy(part, "page")


@pytest.mark.parametrize("name", PAGES)
def test_blocks_are_marked_and_well_formed(name: str) -> None:
    """Commands have a comment that says what is done with them; YAML, JSON and policies parse."""
    assert [] == [problem for block in page(name).blocks if (problem := problem_of(block))]


def test_few_blocks_are_not_run() -> None:
    """What is not run has a reason that is counted, and no reason is used more often than now."""
    markers = [
        parse_marker(one.marker) for name in PAGES for one in page(name).blocks if one.is_shell
    ]
    not_run = Counter(one.reason for one in markers if one.verb == "not run")

    assert {} == {reason: n for reason, n in not_run.items() if n > NOT_RUN[reason]}
    assert sum(one.verb == "shows" for one in markers) <= SHOWN
