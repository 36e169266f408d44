# SPDX-License-Identifier: Apache-2.0
"""What the documents tell people to type does what they say; see tests/README.md for how."""

from __future__ import annotations

from typing import Final

import pytest

from docs.pages import PAGES, ROOT
from docs.session import Session, runnable
from docs.shell import page_shell

PROGRAM: Final = ROOT / "dist/tetragon-mini"


@pytest.mark.parametrize("name", [name for name in PAGES if runnable(name)])
def test_commands_do_what_is_shown(name: str) -> None:
    """Each command that can be run here prints what the page shows, one after the other."""
    assert PROGRAM.exists(), "run `make dist`, which `make test` does"

    with page_shell(PROGRAM) as shell:
        session = Session(shell, name)
        for block, marker in runnable(name):
            session.do(block, marker)
