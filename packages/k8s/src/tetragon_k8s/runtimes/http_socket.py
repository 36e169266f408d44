# SPDX-License-Identifier: Apache-2.0
"""GET of JSON over one unix socket; blocks, so it is used in threads (threads.py)."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Any, Final

from .runtime import NotServedError, RuntimeFailedError

__all__ = ["HttpSocket"]

_MAX_REPLY_BYTES: Final = 16 << 20
_TIMEOUT_S: Final = 2.0


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class HttpSocket:
    """One connection, made when it is needed and again after it broke."""

    def __init__(self, path: str) -> None:
        self._connection = _Connection(path)
        self._lock = Lock()

    def get_json(self, address: str) -> Any:  # noqa: ANN401  # whatever JSON says
        """Raises RuntimeFailedError; NotServedError when there is no such address."""
        with self._lock:
            try:
                return json.loads(self._get(address))
            except (HTTPException, OSError) as error:
                self._connection.close()
                raise RuntimeFailedError(_reason(error)) from error
            except (ValueError, RecursionError) as error:
                self._connection.close()
                raise RuntimeFailedError("its answer is no JSON") from error

    def close(self) -> None:
        """Close; a question under way fails, and who asks it closes then."""
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):  # the other end has closed it
                sock.shutdown(socket.SHUT_RDWR)
        if self._lock.acquire(blocking=False):
            self._connection.close()
            self._lock.release()

    def _get(self, address: str) -> bytes:
        if self._connection.sock is None:
            self._connection.connect()
            return self._ask(address)
        try:
            return self._ask(address)
        except (HTTPException, ConnectionError):  # it was idle for too long, or the other restarted
            self._connection.close()
            return self._ask(address)

    def _ask(self, address: str) -> bytes:
        self._connection.request("GET", address)
        reply = self._connection.getresponse()
        body = reply.read(_MAX_REPLY_BYTES + 1)
        if len(body) > _MAX_REPLY_BYTES:
            self._connection.close()
            raise RuntimeFailedError(f"its answer has more than {_MAX_REPLY_BYTES} bytes")
        if reply.status == 404:
            raise NotServedError("it does not know the HTTP API of Docker")
        if reply.status != 200:
            raise RuntimeFailedError(f"it answers {reply.status}")
        return body


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"its answer is no HTTP ({type(error).__name__})"
