# SPDX-License-Identifier: Apache-2.0
"""The API as it is served: services, who may call them, TLS, limits. What they do is elsewhere."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from tetragon_core.stats import Counter

from .access.guard import AccessGuard
from .access.rules import AccessRules
from .grpc_server import GrpcServer
from .reflection import Reflection
from .service import SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .access.audit import AuditLog
    from .config import AgentConfig
    from .service import ApiService
    from .tls import TlsFiles

__all__ = ["ApiServer"]


class ApiServer:
    """One per agent; made in its event loop."""

    def __init__(self, config: AgentConfig, service: ApiService, audit: AuditLog) -> None:
        """UsageError names a rule of access that cannot be used."""
        self._audit = audit
        self._guard = AccessGuard(AccessRules(config.read_only, config.full_access), audit)
        self._server = GrpcServer([service, Reflection(SERVICES)], guards=[self._guard])
        self._tls = _tls_files(config)

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Serve: with TLS on TCP, if there are certificates; a unix socket never has it."""
        context = self._tls.context if self._tls is not None else None
        for one in sockets:
            await self._server.listen([one], None if one.family == socket.AF_UNIX else context)

    def reload(self, config: AgentConfig) -> None:
        """Take over rules of access, certificates and the audit log's file of this name."""
        self._guard.rules = AccessRules(config.read_only, config.full_access)
        self._audit.reopen()
        if self._tls is not None:
            self._tls.reload()

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        return {Counter.CONNECTIONS_REFUSED: self._server.refused}

    async def stop(self) -> None:
        """End calls and connections."""
        await self._server.stop()


def _tls_files(config: AgentConfig) -> TlsFiles | None:
    if not config.has_tls:
        return None
    from .tls import TlsFiles  # noqa: PLC0415  # OpenSSL, which few agents need

    files = TlsFiles(config, asyncio.get_running_loop().time)
    files.context()  # said in the log at once, if they cannot be used
    return files
