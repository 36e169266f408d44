# SPDX-License-Identifier: Apache-2.0
"""What the documents tell people to type, where that needs more than any host has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from docs.pages import PAGES
from docs.session import Session, runnable
from docs.shell import page_shell

PROGRAM: Final = Path(sys.executable).with_name("tetragon-mini")
"""Of the source tree: a machine for tests has no executable."""
ACTIVE_LSMS: Final = Path("/sys/kernel/security/lsm")


@pytest.mark.one_kernel("pages show one kernel's output", vm="6.12")
@pytest.mark.parametrize("name", [name for name in PAGES if runnable(name, in_vm=True)])
def test_commands_do_what_is_shown(name: str) -> None:
    """As tests/docs/test_commands.py, for the blocks marked with `vm`."""
    if not ACTIVE_LSMS.exists() or "bpf" not in ACTIVE_LSMS.read_text().split(","):
        pytest.skip("needs BPF LSM")

    with page_shell(PROGRAM) as shell:
        session = Session(shell, name)
        for block, marker in runnable(name, in_vm=True):
            session.do(block, marker)
