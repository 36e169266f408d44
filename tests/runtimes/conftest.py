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
from runtimes.containerd import Ctr, open_containerd
from runtimes.cri import open_cri
from runtimes.docker import open_docker
from runtimes.images import make_image
from runtimes.podman import open_podman
from runtimes.unpacked import write_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtimes.bundles import Bundles
    from runtimes.containerd import Containerd
    from runtimes.cri import Cri
    from runtimes.docker import Docker
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
def commands_of(place: Path, commands: Path) -> dict[str, Path]:
    """Version of containerd → scripts that start it, and what it needs."""
    return {
        "1.6": commands,
        "1.7": write_commands(place / "commands-1.7", "trixie", "bookworm"),
        "2": write_commands(place / "commands-2", "sid", "bookworm"),
    }


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
def podman_pure(place: Path, commands: Path, image: Image) -> Iterator[Podman]:
    """Podman with runc, where only cgroups of version 2 are mounted."""
    with (
        _directory(place, "podman-pure") as directory,
        open_podman(directory, commands, image, "runc", pure=True) as podman,
    ):
        yield podman


@pytest.fixture(scope="module")
def runc_pure(place: Path, commands: Path, image: Image) -> Iterator[Bundles]:
    """Runc alone, where only cgroups of version 2 are mounted."""
    with (
        _directory(place, "runc-pure") as directory,
        open_bundles(directory, commands, image, "runc", pure=True) as bundles,
    ):
        yield bundles


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


@contextmanager
def _containerd(place: Path, commands: Path, image: Image, version: str) -> Iterator[Containerd]:
    with (
        _directory(place, f"containerd-{version}") as directory,
        open_containerd(directory, commands, image, has_nri=version != "1.6") as daemon,
    ):
        yield daemon


@pytest.fixture(scope="module")
def containerd_16(place: Path, commands_of: dict[str, Path], image: Image) -> Iterator[Containerd]:
    """Containerd of bookworm, without NRI."""
    with _containerd(place, commands_of["1.6"], image, "1.6") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def containerd_17(place: Path, commands_of: dict[str, Path], image: Image) -> Iterator[Containerd]:
    """Containerd of trixie, with NRI."""
    with _containerd(place, commands_of["1.7"], image, "1.7") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def containerd_2(place: Path, commands_of: dict[str, Path], image: Image) -> Iterator[Containerd]:
    """Containerd of sid, with NRI."""
    with _containerd(place, commands_of["2"], image, "2") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def ctr_16(containerd_16: Containerd) -> Ctr:
    """Containers that ctr starts."""
    return Ctr(containerd_16)


@pytest.fixture(scope="module")
def ctr_17(containerd_17: Containerd) -> Ctr:
    """Containers that ctr starts."""
    return Ctr(containerd_17)


@pytest.fixture(scope="module")
def ctr_2(containerd_2: Containerd) -> Ctr:
    """Containers that ctr starts."""
    return Ctr(containerd_2)


@pytest.fixture(scope="module")
def cri_16(containerd_16: Containerd) -> Iterator[Cri]:
    """Containers of pods."""
    with open_cri(containerd_16) as cri:
        yield cri


@pytest.fixture(scope="module")
def cri_17(containerd_17: Containerd) -> Iterator[Cri]:
    """Containers of pods."""
    with open_cri(containerd_17) as cri:
        yield cri


@pytest.fixture(scope="module")
def cri_2(containerd_2: Containerd) -> Iterator[Cri]:
    """Containers of pods."""
    with open_cri(containerd_2) as cri:
        yield cri


@pytest.fixture(scope="module")
def docker(place: Path, commands: Path, image: Image) -> Iterator[Docker]:
    """Docker of bookworm."""
    with (
        _directory(place, "docker") as directory,
        open_docker(directory, commands, image) as docker,
    ):
        yield docker
