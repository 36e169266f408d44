# SPDX-License-Identifier: Apache-2.0
"""Names of users and groups are found without what the host's C library would load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_server import accounts

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# a comment
+::::::
half
watchers:x:4711:ann,bob
watchers:x:4712:
odd:x:none:
"""


def test_the_file_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of the name counts; others, and lines that are none, do not matter."""
    file = tmp_path / "names"
    file.write_text(TEXT)
    monkeypatch.setattr(accounts, "GROUPS", file)
    monkeypatch.setattr(accounts, "USERS", file)

    assert (4711, 4711) == (accounts.group_id("watchers"), accounts.user_id("watchers"))


@pytest.mark.parametrize("name", ["odd", "half", "none-such", ""])
def test_unknown_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What neither the file nor the C library knows is a KeyError."""
    file = tmp_path / "names"
    file.write_text(TEXT)
    monkeypatch.setattr(accounts, "GROUPS", file)
    monkeypatch.setattr(accounts, "USERS", file)

    for ask in (accounts.group_id, accounts.user_id):
        with pytest.raises(KeyError):
            ask(name)


def test_what_only_the_library_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file the C library is asked, which may know a directory of users."""
    monkeypatch.setattr(accounts, "GROUPS", tmp_path / "none")
    monkeypatch.setattr(accounts, "USERS", tmp_path / "none")

    assert (0, 0) == (accounts.group_id("root"), accounts.user_id("root"))
