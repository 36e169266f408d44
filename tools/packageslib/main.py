# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/packages."""

from __future__ import annotations

import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from .deb import build_deb
from .description import NAME, Description
from .errors import PackageError
from .rpm import build_rpm
from .staging import stage

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
VERSION_FILE: Final = ROOT / "packages/core/src/tetragon_core/__init__.py"
BUILDERS: Final = {"deb": build_deb, "rpm": build_rpm}

DESCRIPTION: Final = """\
Build a .deb and an .rpm of dist/tetragon-mini. They have what `tetragon-mini install --prefix /usr`
installs. The same executable, version and SOURCE_DATE_EPOCH (by default the time of the last
commit) give the same bytes.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tools/packages", description=DESCRIPTION)
    add = parser.add_argument
    add("--executable", type=Path, default=ROOT / "dist/tetragon-mini", help="(%(default)s)")
    add("--target", type=Path, default=ROOT / "dist", metavar="DIR", help="(%(default)s)")
    add("--version", default=current_version(), help="of the packages (%(default)s)")
    add("--only", choices=list(BUILDERS), help="one of both")
    add("--quick", action="store_true", help="compress nothing")
    return parser.parse_args(arguments)


def current_version() -> str:
    """The version that all distributions share."""
    found = re.search(r'__version__ = "(.+)"', VERSION_FILE.read_text())
    assert found is not None, f"{VERSION_FILE} has no version"
    return found.group(1)


def source_date_epoch() -> int:
    """SOURCE_DATE_EPOCH, or when the last commit was made; 0 when nobody knows."""
    if named := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(named)
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 0


def documents(epoch_s: int) -> dict[str, bytes]:
    """What Debian's policy, chapter 12, wants below usr/share/doc."""
    folder = f"usr/share/doc/{NAME}"
    changes = gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), 9, mtime=epoch_s)
    licence = (ROOT / "LICENSE").read_text()
    return {
        f"{folder}/changelog.gz": changes,
        f"{folder}/copyright": f"{NAME} and what comes with it; see also the licences beside this "
        f"file.\n\n{licence}".encode(),
    }


def build(options: argparse.Namespace) -> list[Path]:
    """Build the packages; their paths."""
    about = Description(version=options.version, epoch_s=source_date_epoch())
    options.target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packages.") as name:
        texts = documents(about.epoch_s)
        staged = stage(options.executable, Path(name) / "root", texts, about.epoch_s)
        return [
            builder(staged, about, options.target, small=not options.quick)
            for kind, builder in BUILDERS.items()
            if options.only in {None, kind}
        ]


def main(arguments: list[str]) -> int:
    """Build and print the paths; 1 and a line when that is not possible."""
    options = parse(arguments)
    try:
        made = build(options)
    except (PackageError, OSError) as error:
        sys.stderr.write(f"packages: {error}\n")
        return 1
    sys.stdout.write("".join(f"{path}\n" for path in made))
    return 0
