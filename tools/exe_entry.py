# SPDX-License-Identifier: Apache-2.0
"""Where the executable starts: PyInstaller needs a script, and a package's __main__ is none."""

from __future__ import annotations

import sys

from tetragon_cli.__main__ import main

sys.exit(main())
