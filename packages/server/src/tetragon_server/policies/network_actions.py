# SPDX-License-Identifier: Apache-2.0
"""Sends the requests that hits of policies ask for, in a thread of its own, one after another.

What comes faster than it can be sent is dropped and counted. A failure is logged, seldom: a hook
may be hit a million times a second. Redirects are followed; proxies of the environment are not
used, and nothing of an answer is kept.
"""

from __future__ import annotations

import logging
import queue
import socket
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.request import OpenerDirector

    from tetragon_core.network_requests import NetworkRequest

__all__ = ["WAITING", "NetworkActions"]

_log = logging.getLogger(__name__)

WAITING: Final = 64
"""Requests that wait at most."""
_TIMEOUT_S: Final = 5.0
"""Of each step of an HTTP request; the resolver has limits of its own (resolv.conf)."""
_QUIET_S: Final = 10.0
"""Between two log lines about failures."""


class NetworkActions:
    """One per agent. The thread starts with the first request and ends with the process."""

    def __init__(self) -> None:
        self._queue: queue.Queue[NetworkRequest] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._quiet_until = 0.0
        self._unlogged = 0
        self._dropped = 0
        self._failed = 0

    def ask(self, request: NetworkRequest) -> None:
        """Send it soon; never waits. Called in one thread only."""
        try:
            self._queue.put_nowait(request)
        except queue.Full:
            self._dropped += 1
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="requests", daemon=True)
            self._thread.start()

    def counters(self) -> Mapping[Counter, int]:
        """What was not sent, and what was in vain."""
        return {
            Counter.REQUESTS_DROPPED: self._dropped,
            Counter.REQUESTS_FAILED: self._failed,
        }

    @cached_property
    def _opener(self) -> OpenerDirector:
        """It knows no files and no FTP, so that no redirect leads there."""
        from urllib import request  # noqa: PLC0415  brings TLS along, which most agents never need

        opener = request.OpenerDirector()
        for handler in (
            request.HTTPHandler(),
            request.HTTPSHandler(),
            request.HTTPRedirectHandler(),
            request.HTTPErrorProcessor(),
            request.HTTPDefaultErrorHandler(),
            request.UnknownHandler(),
        ):
            opener.add_handler(handler)
        return opener

    def _work(self) -> None:
        while True:
            request = self._queue.get()
            try:
                self._send(request)
            except Exception as error:  # noqa: BLE001  # whatever it was, the next may work
                self._failed += 1
                self._tell(request, error)

    def _send(self, request: NetworkRequest) -> None:
        if request.action == "GetUrl":
            self._opener.open(request.target, timeout=_TIMEOUT_S).close()
        else:
            socket.getaddrinfo(request.target, None)

    def _tell(self, request: NetworkRequest, error: Exception) -> None:
        now = time.monotonic()
        if now < self._quiet_until:
            self._unlogged += 1
            return
        about = {"action": request.action, "target": request.target, "error": error}
        _log.warning(
            "a request of a policy failed",
            extra={"attrs": {**about, "more_before": self._unlogged}},
        )
        self._quiet_until, self._unlogged = now + _QUIET_S, 0
