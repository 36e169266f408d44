# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between the agent and the API server. Nothing is caught here."""

from __future__ import annotations

from typing import Final

from tetragon_core.errors import TetragonError

__all__ = ["ApiError", "ExpiredError", "RefusedError", "TooLargeError", "UnreachableError"]

_SHOWN: Final = 300
"""Characters of what the server says: somebody may have put anything into it."""


class ApiError(TetragonError):
    """A request to the API server did not do what it should; the message is one line."""


class UnreachableError(ApiError):
    """The server did not answer, or its certificate is not the expected one."""

    exit_code = 69


class RefusedError(ApiError):
    """The server answered with an error."""

    def __init__(
        self, what: str, status: int, text: str, *, hint: str = "", retry_after_s: float = 0.0
    ) -> None:
        said = " ".join(text.split())[:_SHOWN]
        after = f"; {hint}" if hint else ""
        super().__init__(
            f"the API server refuses to {what}: {said or 'no reason'} ({status}){after}"
        )
        self.status = status
        self.retry_after_s = retry_after_s
        """When to ask again, if the server says so."""


class ExpiredError(ApiError):
    """The version to go on from is too old: what there is has to be listed anew."""


class TooLargeError(ApiError):
    """An answer has more bytes than the agent reads."""
