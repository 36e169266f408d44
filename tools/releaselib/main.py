# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/release.

`make dist` with the same commit, lock files, Python and Debian packages makes the same executable
as a release: nothing here changes how it is built.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bump_version

from .sources import ReleaseError, Sources, changes_of, check

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
CHANGELOG: Final = ROOT / "CHANGELOG.md"
BUILT: Final = ROOT / "dist/tetragon-mini"
TARGET: Final = ROOT / "dist/release"
NAME: Final = "tetragon-mini"
LEVELS: Final = ("exe", "docs", "roots")
"""Test levels that run the executable and its packages; the others have run with `make test`."""
SUMS: Final = "SHA256SUMS"


def main(arguments: list[str]) -> int:
    """Make a release; 1 with one line that says why there is none."""
    parser = argparse.ArgumentParser(prog="tools/release", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether there can be one")
    options = parser.parse_args(arguments)
    try:
        version = check(_sources())
        if options.check:
            print(f"release: {version} can be made")
            return 0
        for path in make(version):
            print(f"release: {path.relative_to(ROOT)}")
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def make(version: str) -> list[Path]:
    """Build, describe and test; the files of the release."""
    shutil.rmtree(TARGET, ignore_errors=True)
    _run("lint", ["make", "lint"])
    _run("arm64", [sys.executable, "tools/arm64", "wheels"])
    _run("dist", ["make", "dist"])
    TARGET.mkdir(parents=True)
    _run("setup", ["tools/setup", "packages", "roots"])
    _run("packages", [sys.executable, "tools/packages", "--target", str(TARGET)])
    shutil.copy2(BUILT, TARGET / f"{NAME}-{version}-linux-{platform.machine()}")
    documents = {
        f"{NAME}-{version}.cdx.json": _output(str(BUILT), "version", "--sbom"),
        f"{NAME}-{version}-licenses.txt": _output(str(BUILT), "version", "--licenses"),
        f"{NAME}-{version}-changes.md": f"{changes_of(CHANGELOG.read_text(), version)}\n",
    }
    for name, text in documents.items():
        (TARGET / name).write_text(text)
    files = sorted(TARGET.iterdir())
    sums = _sums(files)
    for level in LEVELS:
        _run(level, [sys.executable, "tools/test", level])
    _run("reproducible", [sys.executable, "tools/reproducible"])
    if _sums(files) != sums or _digest(BUILT) not in sums:
        raise ReleaseError("the tests changed the files that they should try; see git status")
    (TARGET / SUMS).write_text(sums)
    return [*files, TARGET / SUMS]


def _sums(files: Sequence[Path]) -> str:
    """Lines that `sha256sum --check` reads."""
    return "".join(f"{_digest(path)}  {path.name}\n" for path in files)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sources() -> Sources:
    return Sources(
        changed=[line[3:] for line in _output("git", "status", "--porcelain").splitlines()],
        tags=_output("git", "tag", "--points-at", "HEAD").split(),
        version_files={
            str(path.relative_to(ROOT)): path.read_text() for path in bump_version.versioned_files()
        },
        changelog=CHANGELOG.read_text(),
    )


def _run(step: str, command: Sequence[str]) -> None:
    start = time.monotonic()
    print(f"release: {step}", flush=True)
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise ReleaseError(f"{step} failed: {' '.join(command)}")
    print(f"release: {step} took {time.monotonic() - start:.0f} s", flush=True)


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
