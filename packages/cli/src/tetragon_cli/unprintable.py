# SPDX-License-Identifier: Apache-2.0
"""The error of a format that cannot show an event; the stream goes on after it."""

from __future__ import annotations

__all__ = ["UnprintableEventError"]


class UnprintableEventError(Exception):
    """This format has no text for the event; the message says why."""
