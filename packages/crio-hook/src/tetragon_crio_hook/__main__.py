# SPDX-License-Identifier: Apache-2.0
"""Entry point of the small program that runtimes start: only the hook, nothing else."""

from __future__ import annotations

import os
import sys

from tetragon_core.errors import TetragonError
from tetragon_core.streams import open_missing_streams

from .program import run

__all__ = ["main"]


def main(directory: str = "") -> int:
    """Run the hook of sys.argv; return the exit code. `directory`: where the program is."""
    open_missing_streams()
    # Under PyInstaller that is the program's own file, not Python's.
    program = os.path.realpath(sys.executable)
    try:
        return run(sys.argv[1:], directory or os.path.dirname(program))  # noqa: PTH120  # pathlib is slow
    except TetragonError as error:
        os.write(2, f"Error: {error}\n".encode(errors="replace"))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
