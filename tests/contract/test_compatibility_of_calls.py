# SPDX-License-Identifier: Apache-2.0
"""The table of calls has every call of the API; what it calls the same is answered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tetragon import eventlogservice_pb2, sensors_pb2

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "docs/reference/tetragon-compatibility.md").read_text()
VERDICTS: Final = {"same", "different", "absent"}


def rows() -> list[list[str]]:
    """Cells of the tables of calls."""
    lines = TEXT.partition("## Calls")[2].splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "| `" in line
    ]
    return [row for row in cells if row[0].startswith("`")]


def test_every_call_has_a_row() -> None:
    """No call is left out, none is made up."""
    named = {name for row in rows() for name in re.findall(r"`(\w+)`", row[0])}
    offered = {
        method.name
        for file in (sensors_pb2, eventlogservice_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert offered == named


def test_verdicts() -> None:
    """A call is the same, or different or absent with the reason."""
    assert {row[1] for row in rows()} <= VERDICTS
    assert all(row[2] for row in rows() if row[1] != "same")


def test_links_lead_somewhere() -> None:
    """Each page the table sends readers to exists, with the heading it names."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        name, _, anchor = target.partition("#")
        text = (ROOT / "docs/reference" / name).read_text() if name else TEXT
        anchors = {
            re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        assert not anchor or anchor in anchors, target
