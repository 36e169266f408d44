# SPDX-License-Identifier: Apache-2.0
"""Packages are unpacked once, and again when the set has others."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from unpacklib import main
from vmlib.apt import PrivateApt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


class _Fetching:
    """Instead of apt: packages that have one file, and a note of what was fetched."""

    def __init__(self) -> None:
        self.fetched: list[tuple[str, ...]] = []

    def download_all(self, packages: Sequence[str], target: Path) -> list[Path]:
        """Make them."""
        self.fetched.append(tuple(packages))
        target.mkdir(parents=True)
        return [_package(target, name) for name in packages]


def _package(directory: Path, name: str) -> Path:
    tree = directory / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n"
    )
    (tree / "usr").mkdir()
    (tree / "usr" / name).touch()
    deb = directory / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
    return deb


def test_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same packages are not fetched again; others replace the whole tree."""
    fetching = _Fetching()
    monkeypatch.setenv("DEBIAN_MIRROR", "http://mirror.invalid/debian")
    monkeypatch.setattr(PrivateApt, "update", lambda _: None)
    monkeypatch.setattr(
        PrivateApt,
        "download_all",
        lambda _, packages, target: fetching.download_all(packages, target),
    )
    tree = tmp_path / "suite"

    for packages in (("one",), ("one",), ("two", "three")):
        main.unpack(tree, "suite", packages)

    assert [("one",), ("two", "three")] == fetching.fetched
    assert {"two", "three"} == {path.name for path in (tree / "usr").iterdir()}
    assert [tree] == [*tmp_path.iterdir()]
