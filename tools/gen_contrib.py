# SPDX-License-Identifier: Apache-2.0
"""Write the files of contrib that `tetragon-mini install` has too, for those who do it by hand.

With --check nothing is written; exit code 1 says that a file is not what it would be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from page import write_or_check
from tetragon_cli.installation.service import unit_text
from tetragon_server.settings.starting_file import starting_file

ROOT: Final = Path(__file__).parents[1]
CONTRIB: Final = ROOT / "contrib"


def main() -> int:
    """Write both, or check them."""
    texts = {
        "tetragon.yaml": starting_file(),
        "tetragon-mini.service": unit_text(Path("/usr/local")),
    }
    return max(write_or_check(CONTRIB / name, text) for name, text in texts.items())


if __name__ == "__main__":
    sys.exit(main())
