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
OUTPUTS: Final = {
    ROOT / "contrib/tetragon.yaml": starting_file,
    ROOT / "contrib/tetragon-mini.service": lambda: unit_text(Path("/usr/local")),
}

if __name__ == "__main__":
    sys.exit(max(write_or_check(path, text()) for path, text in OUTPUTS.items()))
