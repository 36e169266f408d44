# SPDX-License-Identifier: Apache-2.0
"""The .deb in roots of Debian, the .rpm in a bare root: installed, upgraded, removed.

What the scripts do where systemd runs is tried on the level `machine`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import tetragon_core
from exe.executables import BUILT
from packageslib.rpm import FOREIGN
from roots.private_root import PrivateRoot, open_root

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL: Final = Path(__file__).parents[2] / "tools/packages"
NEWER: Final = "999.0.0"
PROGRAM: Final = "/usr/bin/tetragon-mini"
SETTINGS: Final = "etc/tetragon/tetragon.yaml"
CHANGE: Final = "# changed by the administrator\n"
VERSION: Final = (0, f"CLI version: {tetragon_core.__version__}\n", "")
PATH: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
DATABASES: Final = ("/var/lib/dpkg", "/var/log/dpkg.log", "/var/lib/rpm", "/run/lock")
"""Where package managers write for themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Files of one version."""

    deb: Path
    rpm: Path


def build(version: str, target: Path) -> Packages:
    """Both packages, not compressed."""
    assert BUILT.exists(), "run `make dist`, which `make test` does"
    options = [f"--version={version}", f"--executable={BUILT}", f"--target={target}", "--quick"]
    subprocess.run(
        [sys.executable, TOOL, *options],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
    )
    (deb,), (rpm,) = target.glob("*.deb"), target.glob("*.rpm")
    return Packages(deb=deb, rpm=rpm)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where packages are built; they are large."""
    made = tmp_path_factory.mktemp("packages")
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def current(folder: Path) -> Packages:
    """This version."""
    return build(tetragon_core.__version__, folder / "current")


@pytest.fixture(scope="module")
def newer(folder: Path) -> Packages:
    """Another version of the same."""
    return build(NEWER, folder / "newer")


@pytest.fixture(params=["bullseye", "sid"])
def debian(request: pytest.FixtureRequest) -> Iterator[PrivateRoot]:
    """The oldest and the newest Debian."""
    with open_root(request.param) as root:
        yield root


@pytest.fixture
def bare() -> Iterator[PrivateRoot]:
    """A root without any package, but with the folders of every system and of rpm itself."""
    with open_root("busybox") as root:
        for name in (*FOREIGN, "var/lib/rpm", "var/tmp"):
            (root.path / name).mkdir(parents=True, exist_ok=True)
        yield root


def listing(root: PrivateRoot) -> set[str]:
    """Every file and folder, but for those of package managers."""
    _, found, errors = root.run("find", "/", "-xdev", environment=PATH)
    assert errors == ""
    return {path for path in found.splitlines() if not path.startswith(DATABASES)}


def dpkg(root: PrivateRoot, *words: str) -> None:
    """Run dpkg in the root."""
    code, output, errors = root.run("/usr/bin/dpkg", *words, environment=PATH)
    assert code == 0, output + errors


def dpkg_install(root: PrivateRoot, deb: Path) -> None:
    """Install a file from outside of the root."""
    shutil.copy(deb, root.path / "opt/a.deb")
    dpkg(root, "--install", "/opt/a.deb")
    (root.path / "opt/a.deb").unlink()


def rpm(root: PrivateRoot, *words: str | Path) -> str:
    """Run this host's rpm for the root: nothing it depends on is known there."""
    # SQLite takes the link /proc/PID/root for what it says it is.
    command = ["nsenter", f"--mount=/proc/{root.holder}/ns/mnt", "rpm", f"--root={root.place}/root"]
    command += ["--dbpath=/var/lib/rpm", "--nodeps", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def change_settings(root: PrivateRoot) -> str:
    """Write to the settings as an administrator does; all of them."""
    path = root.path / SETTINGS
    path.write_text(path.read_text() + CHANGE)
    return path.read_text()


def test_the_same_again_is_the_same(current: Packages, tmp_path: Path) -> None:
    """A second build has the same bytes."""
    again = build(tetragon_core.__version__, tmp_path)

    assert current.deb.read_bytes() == again.deb.read_bytes()
    assert current.rpm.read_bytes() == again.rpm.read_bytes()


def test_deb_runs_and_verifies(debian: PrivateRoot, current: Packages) -> None:
    """It needs no other package, all is as packed, and root owns it."""
    dpkg_install(debian, current.deb)

    assert VERSION == debian.run(PROGRAM, "version")
    assert (0, "", "") == debian.run("/usr/bin/dpkg", "--verify", "tetragon-mini", environment=PATH)
    find = ("find", "/usr/lib/tetragon-mini", "(", "!", "-uid", "0", "-o")
    assert "" == debian.run(*find, "-perm", "/022", "!", "-type", "l", ")", environment=PATH)[1]


def test_deb_upgrade_keeps_settings_and_purge_leaves_nothing(
    debian: PrivateRoot, current: Packages, newer: Packages
) -> None:
    """Settings that were changed stay through upgrade and removal; purging removes them too."""
    before = listing(debian)
    dpkg_install(debian, current.deb)
    changed = change_settings(debian)
    dpkg_install(debian, newer.deb)
    upgraded = (debian.path / SETTINGS).read_text()
    dpkg(debian, "--remove", "tetragon-mini")
    removed = listing(debian) - before
    dpkg(debian, "--purge", "tetragon-mini")

    assert changed == upgraded
    assert {"/etc/tetragon", f"/{SETTINGS}"} == removed
    assert before == listing(debian)


def test_what_install_has_made_is_not_covered(
    debian: PrivateRoot, bare: PrivateRoot, current: Packages
) -> None:
    """Where `tetragon-mini install` was used a package says so, and installs nothing."""
    for root in (debian, bare):
        record = root.path / "var/lib/tetragon-mini/installed.json"
        record.parent.mkdir(parents=True)
        record.write_text("{}")

    with pytest.raises(AssertionError, match="first run: tetragon-mini uninstall"):
        dpkg_install(debian, current.deb)
    with pytest.raises(AssertionError, match="first run: tetragon-mini uninstall"):
        rpm(bare, "--install", current.rpm)
    assert [False, False] == [
        (root.path / "usr/lib/tetragon-mini").exists() for root in (debian, bare)
    ]


def test_rpm_runs_and_verifies(bare: PrivateRoot, current: Packages) -> None:
    """Without libraries of the root it runs, and all is as packed."""
    rpm(bare, "--install", current.rpm)

    assert VERSION == bare.run(PROGRAM, "version")
    assert "" == rpm(bare, "--verify", "tetragon-mini")


def test_rpm_upgrade_keeps_settings_and_erasing_leaves_nothing_else(
    bare: PrivateRoot, current: Packages, newer: Packages
) -> None:
    """Settings that were changed stay through an upgrade, and are put aside at the end."""
    before = listing(bare)
    rpm(bare, "--install", current.rpm)
    changed = change_settings(bare)
    rpm(bare, "--upgrade", newer.rpm)
    upgraded = (bare.path / SETTINGS).read_text()
    rpm(bare, "--erase", "tetragon-mini")

    assert changed == upgraded
    assert {"/etc/tetragon", f"/{SETTINGS}.rpmsave"} == listing(bare) - before
