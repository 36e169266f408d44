# SPDX-License-Identifier: Apache-2.0
"""Where the small program of the hook starts: PyInstaller needs a script."""

from __future__ import annotations

import os

from tetragon_crio_hook.__main__ import main

# Nothing is left to do: taking the interpreter down would take a millisecond.
os._exit(main())
