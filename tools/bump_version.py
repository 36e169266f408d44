# SPDX-License-Identifier: Apache-2.0
"""Set the one version that all six distributions share: `python tools/bump_version.py 0.2.0`.

It edits the pyproject files (their own version and the pins between them),
`tetragon_core.__version__` and its date. It does not tag, commit or write the changelog.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CORE_INIT: Final = ROOT / "packages/core/src/tetragon_core/__init__.py"
VERSION: Final = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


def versioned_files() -> list[Path]:
    """Every file that states the version."""
    return [CORE_INIT, *sorted(ROOT.glob("packages/*/pyproject.toml"))]


def replace_version(text: str, version: str) -> str:
    """Return `text` with every statement of our own version replaced."""
    text = re.sub(r'(?m)^((?:__)?version(?:__)? = )".*"$', rf'\g<1>"{version}"', text)
    today = dt.datetime.now(dt.UTC).date()
    text = re.sub(r'(?m)^(__released__ = )".*"$', rf'\g<1>"{today}"', text)
    return re.sub(r'("tetragon-mini-[a-z0-9-]+(?:\[api\])?==)[^"]+"', rf'\g<1>{version}"', text)


def main(arguments: list[str]) -> int:
    """Rewrite every versioned file; 2 when the version is missing or has another form."""
    if len(arguments) != 1 or not VERSION.fullmatch(arguments[0]):
        sys.stderr.write("usage: bump_version.py X.Y.Z[aN|bN|rcN]\n")
        return 2
    for path in versioned_files():
        path.write_text(replace_version(path.read_text(), arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
