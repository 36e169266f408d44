# SPDX-License-Identifier: Apache-2.0
"""The agent's metrics, asked for as a scraper does: without proxies, and not for ever."""

from __future__ import annotations

import http.client
import time
from typing import Final

from tetragon_core.errors import TetragonError

from .archive import MOST_BYTES

__all__ = ["scraped"]

_LIMIT_S: Final = 5.0
_PIECE_BYTES: Final = 1 << 16
_ANYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  # where others listen


def scraped(host: str, port: int) -> bytes:
    """What /metrics says within 5 s. Raises OSError, or TetragonError for what is no HTTP."""
    deadline = time.monotonic() + _LIMIT_S
    connection = http.client.HTTPConnection(
        "localhost" if host in _ANYWHERE else host, port, timeout=_LIMIT_S
    )
    try:
        connection.request("GET", "/metrics")
        reply, text = connection.getresponse(), bytearray()
        while (piece := reply.read1(_PIECE_BYTES)) and len(text) < MOST_BYTES:
            text += piece
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all was sent within {_LIMIT_S:g} s")
    except http.client.HTTPException as error:
        raise TetragonError(f"no HTTP at {host}:{port}: {type(error).__name__}") from error
    finally:
        connection.close()
    if reply.status != http.client.OK:
        raise TetragonError(f"{host}:{port} answers {reply.status} {reply.reason}")
    return bytes(text)
