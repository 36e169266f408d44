# SPDX-License-Identifier: Apache-2.0
"""The client's version as text. It is used without click, so it imports next to nothing."""

from __future__ import annotations

import sys

from tetragon_core import __version__

__all__ = ["client_version"]


def client_version(*, with_build: bool) -> str:
    """Lines for `version`; `with_build` adds what the program was built with."""
    text = f"CLI version: {__version__}\n"
    if with_build:
        text += f"PythonVersion: {sys.version.split()[0]}\n"
    return text
