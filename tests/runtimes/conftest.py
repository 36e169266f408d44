# SPDX-License-Identifier: Apache-2.0
"""Runtimes, each with its files in a directory of its own, up as long as a test module runs."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtimes.bundles import open_bundles
from runtimes.images import make_image
from runtimes.podman import open_podman
from runtimes.unpacked import write_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtimes.bundles import Bundles
    from runtimes.images import Image
    from runtimes.podman import Podman


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory with a short name: sockets and mount options are in it."""
    with tempfile.TemporaryDirectory(prefix="tm-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def commands(place: Path) -> Path:
    """Scripts that start the unpacked programs."""
    return write_commands(place / "commands", "bookworm")


@pytest.fixture(scope="session")
def image(place: Path) -> Image:
    """The image of busybox."""
    return make_image(place / "image")


@contextmanager
def _directory(place: Path, name: str) -> Iterator[Path]:
    path = place / name
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def podman(place: Path, commands: Path, image: Image) -> Iterator[Podman]:
    """Podman with runc."""
    with (
        _directory(place, "podman") as directory,
        open_podman(directory, commands, image, "runc") as podman,
    ):
        yield podman


@pytest.fixture(scope="module")
def podman_crun(place: Path, commands: Path, image: Image) -> Iterator[Podman]:
    """Podman with crun."""
    with (
        _directory(place, "podman-crun") as directory,
        open_podman(directory, commands, image, "crun") as podman,
    ):
        yield podman


@pytest.fixture(scope="module")
def runc(place: Path, commands: Path, image: Image) -> Iterator[Bundles]:
    """Runc alone."""
    with (
        _directory(place, "runc") as directory,
        open_bundles(directory, commands, image, "runc") as bundles,
    ):
        yield bundles


@pytest.fixture(scope="module")
def crun(place: Path, commands: Path, image: Image) -> Iterator[Bundles]:
    """Crun alone."""
    with (
        _directory(place, "crun") as directory,
        open_bundles(directory, commands, image, "crun") as bundles,
    ):
        yield bundles
