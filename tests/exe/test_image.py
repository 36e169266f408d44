# SPDX-License-Identifier: Apache-2.0
"""What tools/image puts into the container image, without the programs that pack it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

import tetragon_core

ROOT: Final = Path(__file__).parents[2]
_BUILDER: Final = """#!/bin/sh
echo "$@" >>"{log}"
for last; do :; done
[ "$1" != build ] || cp -a "$last/rootfs" "{log}.rootfs"
"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The image's file system; what the builder was called with is beside it."""
    log = tmp_path / "log"
    builder = tmp_path / "podman"
    builder.write_text(_BUILDER.format(log=log))
    builder.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "BUILDER": str(builder)}
    subprocess.run([ROOT / "tools/image", "localhost/x:1"], check=True, env=environment)
    return tmp_path / "log.rootfs"


def test_the_executable_runs_in_it(built: Path) -> None:
    """With its own C library and nothing of this host but /dev and /proc; nothing is unpacked."""
    script = (
        'mkdir "$1/dev" "$1/proc" && mount --bind /dev "$1/dev" && mount --bind /proc "$1/proc" &&'
        ' exec chroot "$1" /usr/bin/tetragon-mini version'
    )
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", built],
        check=True,
        capture_output=True,
        text=True,
    )

    assert f"CLI version: {tetragon_core.__version__}\n" == ran.stdout
    assert not (built / "var/lib").exists()


def test_settings_are_the_clusters(built: Path) -> None:
    """A file in the image would count where no other is mounted."""
    assert not (built / "etc/tetragon").exists()
    assert (built / "usr/share/doc/tetragon-mini/licenses.txt").is_file()


def test_nothing_is_fetched(built: Path) -> None:
    """The builder has no network, and the base is empty."""
    (call,) = (built.parent / "log").read_text().splitlines()
    lines = (ROOT / "contrib/kubernetes/Containerfile").read_text().splitlines()

    assert "--network none" in call
    assert "FROM scratch" in lines
