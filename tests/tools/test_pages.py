# SPDX-License-Identifier: Apache-2.0
"""What the programs that write pages share, and the date of a version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bump_version import replace_version
from page import by_hand, cell

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    """Up to the mark; a page without one is not overwritten."""
    page = tmp_path / "page.md"
    page.write_text("# By hand\n<!-- from here on by tools/gen_x.py -->\nold\n")

    assert by_hand(page, "gen_x") == "# By hand\n<!-- from here on by tools/gen_x.py -->\n"
    with pytest.raises(SystemExit, match="is missing"):
        by_hand(page, "gen_y")


def test_text_in_a_cell_is_shown_as_it_is() -> None:
    """No column, emphasis, link or tag comes of it."""
    assert cell("a|b *c* [d](e) <f>") == r"a\|b \*c\* \[d\](e) &lt;f>"


def test_a_version_has_a_date() -> None:
    """That of the day on which it was set."""
    text = replace_version('__version__ = "0.1.0"\n__released__ = "2000-01-01"\n', "0.2.0")

    assert re.fullmatch(r'__version__ = "0\.2\.0"\n__released__ = "20\d\d-\d\d-\d\d"\n', text)
    assert "2000-01-01" not in text
