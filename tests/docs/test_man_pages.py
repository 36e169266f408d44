# SPDX-License-Identifier: Apache-2.0
"""The man pages are well formed: mandoc finds nothing to warn of."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tetragon_cli.manual import man_pages

if TYPE_CHECKING:
    from pathlib import Path


def test_man_pages_are_well_formed(tmp_path: Path) -> None:
    """All of them, with the names and sections that they are installed under."""
    for page in man_pages():
        (tmp_path / page.file_name).write_text(page.text)

    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
