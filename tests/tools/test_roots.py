# SPDX-License-Identifier: Apache-2.0
"""Roots are made once, appear when they are complete, and are made again when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rootslib import main
from vmlib.errors import VmError

if TYPE_CHECKING:
    from pathlib import Path


class _Making:
    """Instead of debootstrap: a root with one file, or an error in the middle."""

    def __init__(self) -> None:
        self.made = 0
        self.fails = False

    def make(self, root: Path) -> None:
        """Make it."""
        root.mkdir(parents=True)
        if self.fails:
            raise VmError("the mirror is away")
        self.made += 1
        (root / "number").write_text(str(self.made))


@pytest.fixture
def making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Making:
    """What makes the root `sid` below tmp_path."""
    one = _Making()
    monkeypatch.setattr(main, "BUILD", tmp_path)
    monkeypatch.setattr(main, "MAKERS", {"sid": one.make})
    return one


def test_made_once_and_again_when_asked(making: _Making, tmp_path: Path) -> None:
    """The same code makes it once; --refresh replaces it."""
    codes = [main.main(["sid"]), main.main(["sid"])]
    made = making.made
    codes.append(main.main(["--refresh", "sid"]))

    assert ([0, 0, 0], 1) == (codes, made)
    assert "2" == (tmp_path / "sid/number").read_text()


def test_a_failure_leaves_what_was_there(
    making: _Making, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line tells it; the old root stays, and without one there is none."""
    main.main(["sid"])
    making.fails = True
    codes = [main.main(["--refresh", "sid"]), main.main(["sid"])]

    assert [1, 0] == codes
    assert "1" == (tmp_path / "sid/number").read_text()
    assert "roots: the mirror is away\n" == capsys.readouterr().err
