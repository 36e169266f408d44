# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/packages that build nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from packageslib.deb import control_text, md5sums
from packageslib.description import Description
from packageslib.rpm import spec_text
from packageslib.scripts import DEB_SCRIPTS, RPM_SCRIPTS
from packageslib.staging import Staged

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = Description(version="1.2.0rc1", epoch_s=1_000_000_000, machine="x86_64")


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    """A tree with a program, a link to it, settings and folders."""
    root = tmp_path / "root"
    for name, mode in (("usr/lib/tetragon-mini/a b", 0o775), ("etc/tetragon/x.yaml", 0o600)):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("text")
        (root / name).chmod(mode)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/a").symlink_to("../lib/tetragon-mini/a b")
    (root / "etc/tetragon/empty").mkdir()
    return Staged(root, ABOUT.epoch_s)


@pytest.mark.parametrize("script", [*DEB_SCRIPTS.values(), *RPM_SCRIPTS.values()])
def test_scripts_are_valid(script: str) -> None:
    """Every script parses in a plain shell."""
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.2.0", "1.2.0"), ("1.2.0rc1", "1.2.0~rc1"), ("1.2.0.dev3", "1.2.0~dev3")],
)
def test_what_comes_before_a_release_sorts_before_it(version: str, expected: str) -> None:
    """Python's pre-releases get the mark that dpkg and rpm sort before the end."""
    about = Description(version=version, epoch_s=0, machine="aarch64")

    assert f"tetragon-mini_{expected}_arm64.deb" == about.deb_name
    assert f"tetragon-mini-{expected}-1.aarch64.rpm" == about.rpm_name


def test_permissions_and_times_are_those_of_packages(staged: Staged) -> None:
    """Whatever the umask was: programs 755, files 644, and all of one time."""
    modes = [(staged.root / path).stat().st_mode & 0o7777 for path in staged.files()]
    times = {path.lstat().st_mtime for path in (*staged.paths(), staged.root)}

    assert [0o644, 0o755] == modes
    assert {ABOUT.epoch_s} == times


def test_settings_are_told_apart(staged: Staged) -> None:
    """What is below /etc is kept when it was changed; the rest is verified."""
    lines = spec_text(staged, ABOUT, small=True).splitlines()

    assert ["etc/tetragon/x.yaml"] == [str(path) for path in staged.settings()]
    assert '%config(noreplace) "/etc/tetragon/x.yaml"' in lines
    assert ["usr/lib/tetragon-mini/a b"] == [
        line.partition("  ")[2] for line in md5sums(staged).splitlines()
    ]


def test_rpm_owns_its_folders_and_no_others(staged: Staged) -> None:
    """Folders of the program go with it; /usr and /etc are the system's."""
    lines = spec_text(staged, ABOUT, small=True).splitlines()

    assert [
        *('%dir "/etc/tetragon"', '%dir "/etc/tetragon/empty"'),
        '%dir "/usr/lib/tetragon-mini"',
    ] == [line for line in lines if line.startswith("%dir")]


def test_deb_needs_no_other_package(staged: Staged) -> None:
    """It brings its own libraries."""
    fields = control_text(staged, ABOUT).splitlines()

    assert [] == [line for line in fields if line.startswith(("Depends", "Pre-Depends"))]
