# SPDX-License-Identifier: Apache-2.0
"""`rateLimit` of an action: how long the same event is held back."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["parse_rate_limit"]

_TEXT: Final = re.compile(r"([0-9]{1,10})([smh]?)", re.IGNORECASE)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_MAX_MS: Final = 2**32 - 1


def parse_rate_limit(text: str) -> int:
    """Milliseconds of `90`, `90s`, `5m` or `1h`; at most 2^32 - 1. Raises ValueError."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f'"{text}" is no time; write seconds ("90", "90s"), minutes ("5m") or hours ("1h")'
        )
    return min(int(match[1]) * _SECONDS[match[2].lower()] * 1000, _MAX_MS)
