# SPDX-License-Identifier: Apache-2.0
"""SIGINT and SIGTERM of a stream: they end it without a word, wherever it is blocked."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["StopRequestedError", "StoppedQuietly"]

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class StopRequestedError(BaseException):
    """The way out of blocking calls; no library catches it by accident."""


class StoppedQuietly:
    """Context that ends without an error when somebody asked for the end."""

    def __enter__(self) -> None:
        for number in _NUMBERS:
            # A script's shell starts background jobs with SIGINT ignored. Tetragon's client takes
            # the signal all the same, and scripts end it so: `kill -INT $!; wait`.
            signal.signal(number, _stop)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        # What is left to do is short, and must not be cut by an impatient second Ctrl-C.
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)
        return kind is not None and issubclass(kind, StopRequestedError)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise StopRequestedError
