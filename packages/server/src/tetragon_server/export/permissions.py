# SPDX-License-Identifier: Apache-2.0
"""The mode of the export file, as `export-file-perm` says it. The umask is not known here."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["OWNER_ONLY", "file_mode"]

OWNER_ONLY: Final = 0o600
_ALL: Final = 0o777
_NEVER: Final = 0o113
"""No executable file, and nothing for all the world to write."""


def file_mode(text: str) -> int:
    """Bits for open(2); always at least readable and writable for the owner.

    Raises ValueError for anything but octal digits.
    """
    if not re.fullmatch(r"(0o?)?[0-7]+", text):
        raise ValueError(f'"{text}" is no file mode; write octal digits like 600 or 640')
    return int(text, 8) & _ALL & ~_NEVER | OWNER_ONLY
