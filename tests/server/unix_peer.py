# SPDX-License-Identifier: Apache-2.0
"""What a server learns of a peer that is this process."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from tetragon_server.access.identity import identity_of

if TYPE_CHECKING:
    from tetragon_server.access.identity import Identity


def identity_of_own_connection() -> Identity:
    """Both ends of a unix connection are ours."""

    async def look() -> Identity:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
            try:
                return identity_of(transport)
            finally:
                transport.abort()
                await asyncio.sleep(0)

    return asyncio.run(look())
