# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with an expression. It knows nothing of the language itself.

CelError          the text is no expression of type bool: told once, when a request comes in
CelRuntimeError   one event has no value for it (division by zero, no such key, cost limit)
"""

from __future__ import annotations

from tetragon_core.errors import TetragonError, UsageError

__all__ = ["CelError", "CelRuntimeError", "error_at"]


class CelError(UsageError, ValueError):
    """The text does not parse or does not type-check; str() is `line:column: what was expected`."""


class CelRuntimeError(TetragonError, ValueError):
    """The expression has no value for this event; str() is one line saying why."""


def error_at(text: str, offset: int, message: str) -> CelError:
    """Build the error for a character offset in text; lines and columns count from 1."""
    before = text[:offset]
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    return CelError(f"{line}:{column}: {message}")
