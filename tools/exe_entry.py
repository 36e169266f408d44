# SPDX-License-Identifier: Apache-2.0
"""Where the executable starts: PyInstaller needs a script, and a package's __main__ is none."""

from __future__ import annotations

import os
import sys

# PyInstaller's bootloader starts itself anew with these. The host's programs have a C library of
# their own, and must not be led to ours.
os.environ.pop("LD_LIBRARY_PATH", None)
if original := os.environ.pop("LD_LIBRARY_PATH_ORIG", None):
    os.environ["LD_LIBRARY_PATH"] = original
for name in [name for name in os.environ if name.startswith("_PYI_")]:
    del os.environ[name]

from tetragon_cli.__main__ import main  # noqa: E402  # with the environment as it was

sys.exit(main())
