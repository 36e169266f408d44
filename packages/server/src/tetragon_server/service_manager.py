# SPDX-License-Identifier: Apache-2.0
"""Tells the service manager how the agent is: the datagrams of sd_notify(3), without its library.

Without NOTIFY_SOCKET, that is, without a service manager that wants to know, nothing is sent.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

__all__ = ["ServiceManager"]

_log = logging.getLogger(__name__)

_VARIABLE: Final = "NOTIFY_SOCKET"


class ServiceManager:
    """Where to tell; `address` is empty for nowhere."""

    def __init__(self, address: str = "") -> None:
        self._address = address

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """The one that started this process; its variable is removed, as it is for no child."""
        address = environment.pop(_VARIABLE, "")
        if address and address[0] not in "/@":
            _log.warning(
                "the service manager cannot be told anything: no socket of this machine",
                extra={"attrs": {_VARIABLE: address}},
            )
            return cls()
        return cls(address)

    def starting(self, status: str) -> None:
        """One line for `systemctl status`, while the agent is not ready yet."""
        self._send(f"STATUS={status}")

    def ready(self, status: str) -> None:
        """The agent listens."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self, reload: Callable[[], None]) -> Callable[[], None]:
        """`reload`, told before and after; `systemctl reload` waits for that."""

        def told() -> None:
            # Microseconds, and the clock that systemd compares with.
            now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._send(f"RELOADING=1\nMONOTONIC_USEC={now_us}")
            try:
                reload()
            finally:
                self._send("READY=1")

        return told

    def stopping(self) -> None:
        """The agent was told to stop, and is about to."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def _send(self, lines: str) -> None:
        """What cannot be told changes nothing for the agent."""
        if not self._address:
            return
        name = self._address
        target = f"\0{name[1:]}" if name.startswith("@") else name
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind) as one:
                one.sendto(lines.encode(), target)
        except OSError as error:
            _log.warning(
                "the service manager was not told",
                extra={"attrs": {"what": lines.partition("\n")[0], "error": str(error)}},
            )
