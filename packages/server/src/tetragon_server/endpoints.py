# SPDX-License-Identifier: Apache-2.0
"""Every socket the agent listens on, bound first, so that a taken address costs no start.

What they answer is not known here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tetragon_core.errors import TetragonError

from .listeners import bind_address

if TYPE_CHECKING:
    import socket
    from contextlib import ExitStack

    from .config import AgentConfig

__all__ = ["Endpoints"]

_log = logging.getLogger(__name__)
_UNIX_SCHEME = "unix://"


class Endpoints:
    """Bound sockets by purpose; they are closed, and their files removed, with the stack."""

    def __init__(self, config: AgentConfig, stack: ExitStack) -> None:
        self.grpc: list[socket.socket] = []
        self.health: list[socket.socket] = []
        self.metrics: list[socket.socket] = []
        addresses = _grpc_addresses(config)
        for address in addresses:
            self.grpc += stack.enter_context(bind_address(address, config.unix_socket_group))
        self.metrics += _bind_or_warn(config.metrics_server, "no metrics", stack)
        # On by default, so a host where something else has the port keeps its agent.
        self.health += _bind_or_warn(config.health_server_address, "no health service", stack)
        self.advertised = next(
            (one for one in addresses if one.startswith(_UNIX_SCHEME)), config.server_address
        )
        """What the info file names: the unix socket if there is one."""


def _bind_or_warn(address: str, warning: str, stack: ExitStack) -> list[socket.socket]:
    """None for an empty address, and for one that cannot be had; that is logged."""
    if not address:
        return []
    try:
        return stack.enter_context(bind_address(address))
    except TetragonError as error:
        _log.warning(warning, extra={"attrs": {"error": str(error)}})
        return []


def _grpc_addresses(config: AgentConfig) -> list[str]:
    main = config.server_address
    if not main:
        return []
    if main.startswith(_UNIX_SCHEME) or not config.socket_path:
        return [main]
    return [main, _UNIX_SCHEME + config.socket_path]
