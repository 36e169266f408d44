# SPDX-License-Identifier: Apache-2.0
"""The OCI hook command: so far it only says what it will need. It must start fast: no imports."""

from __future__ import annotations

from tetragon_core.errors import UsageError

__all__ = ["run_hook"]


def run_hook(_words: list[str]) -> int:
    """Refuse, in one line."""
    raise UsageError(
        "the hook needs OCI container state on standard input, and is not available yet"
    )
