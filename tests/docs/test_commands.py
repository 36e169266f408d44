# SPDX-License-Identifier: Apache-2.0
"""What the documents tell people to type does what they say; see tests/README.md for how."""

from __future__ import annotations

from typing import Final

import pytest

from docs.markers import Marker, parse_marker
from docs.pages import PAGES, ROOT, Block, page
from docs.session import Session
from docs.shell import page_shell

PROGRAM: Final = ROOT / "dist/tetragon-mini"


def runnable(name: str) -> list[tuple[Block, Marker]]:
    """The blocks of a page that are run here."""
    blocks = [one for one in page(name).blocks if one.is_shell and one.marker.startswith("run")]
    marked = [(one, parse_marker(one.marker)) for one in blocks]
    return [(one, marker) for one, marker in marked if not marker.in_vm]


@pytest.mark.parametrize("name", [name for name in PAGES if runnable(name)])
def test_commands_do_what_is_shown(name: str) -> None:
    """Each command that can be run here prints what the page shows, one after the other."""
    assert PROGRAM.exists(), "run `make dist`, which `make test` does"

    with page_shell(PROGRAM) as shell:
        session = Session(shell, name)
        for block, marker in runnable(name):
            session.do(block, marker)
