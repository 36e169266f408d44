# SPDX-License-Identifier: Apache-2.0
"""What a filter that cannot be used raises, and how such a message quotes the culprit."""

from __future__ import annotations

from typing import Final

from tetragon_core.errors import UsageError

__all__ = ["FilterError", "quoted"]

_LONGEST_QUOTE: Final = 80


class FilterError(UsageError):
    """A filter is wrong, or asks for more than the agent gives; one line that names the field."""


def quoted(text: str) -> str:
    """`text` for a message: printable, on one line, not too long."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}...")
