# SPDX-License-Identifier: Apache-2.0
"""Calls to an agent over gRPC, with failures told in one line that says what to do."""

from __future__ import annotations

import errno
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import grpc

from tetragon_core.errors import (
    ConnectionFailedError,
    PermissionDeniedError,
    TetragonError,
    UsageError,
)

from .address import probe_socket, resolve, socket_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from google.protobuf.message import Message

    from .settings import ClientSettings

    Met = Callable[[Mapping[str, str | bytes]], object]
    Reply = TypeVar("Reply", bound=Message)
    Result = TypeVar("Result")

__all__ = ["EVENT_LOG", "AgentClient", "RefusedError", "UnavailableError"]

_SERVICE: Final = "/tetragon.FineGuidanceSensors/"
EVENT_LOG: Final = "/tetragon.EventLogService/"
"""The other service of an agent."""
_START_HINT: Final = "Is it running? Start it with: sudo tetragon-mini agent"
_FIRST_BACKOFF_S: Final = 1.0
_UNRESOLVED: Final = ("resolution failed", "errors resolving", "dns")
"""gRPC versions differ in how they say that a name is unknown."""
_PING_MS: Final = 310_000
"""Servers in Go end connections of clients that ask more often than every five minutes."""
_WINDOW_BYTES: Final = 1 << 20
"""What the agent may send ahead: some 1,000 events."""

_RANDOM: Final = "/dev/urandom"

_log = logging.getLogger(__name__)


class UnavailableError(ConnectionFailedError):
    """Nobody answers, or the connection broke: the failures worth another try."""

    def __init__(self, what: str, hint: str = "", *, was_silent: bool = False) -> None:
        super().__init__(f"{what}. {hint}" if hint else what)
        self.what = what
        """Without what to do about it."""
        self.was_silent = was_silent
        """It may have been gone for minutes before this was noticed."""


class RefusedError(TetragonError):
    """The agent was reached and said no."""

    def __init__(self, method: str, details: str) -> None:
        super().__init__(" ".join(f"{method} failed: {details}".split()))
        self.details = details
        """In the agent's words; may have several lines."""


def _require_random() -> None:
    """Raises TetragonError without /dev/urandom: gRPC would end the process, and not say why."""
    if not os.access(_RANDOM, os.R_OK):
        raise TetragonError(
            f"there is no {_RANDOM} here, which gRPC reads: mount /dev, or make the one file with"
            f" mknod -m 444 {_RANDOM} c 1 9"
        )


class AgentClient:
    """One connection to an agent; use it as a context manager."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self.address = resolve(settings.server_address)
        self._socket = socket_path(self.address)
        _log.debug("connecting to %s", self.address)
        target = self.address if self._socket is None else f"unix:{self._socket}"
        options = (
            ("grpc.max_receive_message_length", settings.max_recv_size),
            # A blocked read of the calling thread instead of a second thread: half the cost.
            ("SingleThreadedUnaryStream", 1),
            # Its pings, one for nearly every event, cost the agent more than the event does.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", _WINDOW_BYTES),
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", int(self._socket is None)),
            # A host that vanished sends no end of a connection.
            ("grpc.keepalive_time_ms", _PING_MS),
            ("grpc.http2.max_pings_without_data", 0),
        )
        _require_random()
        self._channel = self._open(target, options)

    def _open(self, target: str, options: tuple[tuple[str, object], ...]) -> grpc.Channel:
        if not self._settings.has_tls:
            return grpc.insecure_channel(target, options=options)
        if self._socket is not None:
            raise UsageError(
                f"{self.address} has no TLS: leave the --tls options out, or name the agent's"
                " host:port with --server-address"
            )
        from .tls import tls_channel  # noqa: PLC0415  # few connections have it

        tls = tls_channel(self._settings, self.address)
        return grpc.secure_channel(target, tls.credentials, options=(*options, *tls.options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    def call(
        self, method: str, request: Message, reply_type: type[Reply], service: str = _SERVICE
    ) -> Reply:
        """The agent's answer to one question."""
        stub = self._channel.unary_unary(
            service + method,
            request_serializer=_serialise,
            response_deserializer=reply_type.FromString,
        )
        timeout = self._settings.timeout_s
        return self._retrying(method, lambda: stub(request, timeout=timeout))

    def stream(
        self,
        method: str,
        request: Message,
        reply_type: type[Reply],
        met: Met | None = None,
    ) -> Iterator[Reply]:
        """The agent's answers as they come; ends when the agent ends it.

        `met` is called with the answer's metadata, before the first of them.
        """
        stub = self._channel.unary_stream(
            _SERVICE + method,
            request_serializer=_serialise,
            response_deserializer=reply_type.FromString,
        )
        self._retrying(method, lambda: None)
        replies = stub(request)
        try:
            yield from replies if met is None else _meeting(replies, met)
        except grpc.RpcError as error:
            raise self._explain(method, error) from error
        finally:
            replies.cancel()

    def _retrying(self, method: str, attempt: Callable[[], Result]) -> Result:
        """Result of the first attempt that reaches the agent; its socket is looked at before."""
        backoff_s = _FIRST_BACKOFF_S
        for tries_left in range(self._settings.retries, -1, -1):
            try:
                self._check_socket()
                return attempt()
            except UnavailableError:
                if not tries_left:
                    raise
            except grpc.RpcError as error:
                explained = self._explain(method, error)
                if not tries_left or not isinstance(explained, UnavailableError):
                    raise explained from error
            _log.debug("%s: agent not reached, next try in %gs", method, backoff_s)
            time.sleep(backoff_s)
            backoff_s *= 2
        raise AssertionError("the last try returns or raises")

    def _check_socket(self) -> None:
        """Find out at once, and exactly, why a unix socket cannot be used."""
        error = None if self._socket is None else probe_socket(self._socket)
        if error is not None:
            raise self._unreachable(error.errno or 0)

    def _unreachable(self, number: int) -> TetragonError:
        """The error for a failed connect."""
        where = f"cannot reach the agent at {self.address}"
        if number in {errno.EACCES, errno.EPERM}:
            return PermissionDeniedError(
                f"{where}: permission denied. Run this command as root, with sudo"
            )
        if number == errno.ENOENT:
            return UnavailableError(f"{where}: there is no such socket", _START_HINT)
        return UnavailableError(f"{where}: {os.strerror(number).lower()}", _START_HINT)

    def _explain(self, method: str, error: grpc.RpcError) -> TetragonError:
        """The error for a call that failed."""
        from .compact.text import escape  # noqa: PLC0415  # only for errors

        # The agent's words may hold what others chose, such as names of files.
        code, details = error.code(), "\n".join(map(escape, (error.details() or "").split("\n")))
        # A server that stops may cancel its streams; we never do before the end.
        if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
            return self._explain_unavailable(details)
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return TetragonError(
                f"{self.address} does not offer {method}: update the agent, or check the address"
            )
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            limit = f"{self._settings.timeout_s:g}s"
            return ConnectionFailedError(
                f"no answer from the agent at {self.address} within {limit}; see --timeout"
            )
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
            return TetragonError(f"{details}: give a larger --max-recv-size")
        return RefusedError(method, details or code.name)

    def _explain_unavailable(self, details: str) -> TetragonError:
        """Tell a connection that could not be made from one that broke."""
        _log.debug("unavailable: %s", details)
        lowered = details.lower()
        for number in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT):
            if os.strerror(number).lower() in lowered:
                return self._unreachable(number)
        if any(text in lowered for text in _UNRESOLVED):
            return UnavailableError(
                f"cannot reach the agent at {self.address}: the name does not resolve"
            )
        if "failed to connect" in lowered and (reason := self._tls_reason(lowered)):
            return TetragonError(f"no connection to {self.address}: {reason}")
        if "ping timeout" in lowered:
            what = f"the agent at {self.address} does not answer any more"
            return UnavailableError(what, was_silent=True)
        return UnavailableError(f"the agent at {self.address} went away", _START_HINT)

    def _tls_reason(self, details: str) -> str:
        """What is most likely wrong when somebody listens but does not speak with us."""
        if not self._settings.has_tls:
            is_closed = "socket closed" in details or "reset" in details
            return "it may want TLS, see --tls-ca-cert-files" if is_closed else ""
        if "hostname" in details:
            return "its certificate has another name, see --tls-server-name"
        if "certificate_verify_failed" in details:
            return "its certificate is not signed by one of --tls-ca-cert-files"
        if "wrong_version" in details or "http/1" in details:
            return "it does not speak TLS, leave the --tls options out"
        if self._settings.tls_cert_file:
            return "it refuses the client's certificate, see --tls-cert-file"
        return "it may want a client's certificate, see --tls-cert-file"


def _meeting(replies: Any, met: Met) -> Iterator[Any]:  # noqa: ANN401  # gRPC's call has no type
    """The replies; `met` first. Without metadata, only a reply shows that somebody is there."""
    metadata = dict(replies.initial_metadata() or ())
    if metadata:
        met(metadata)
        yield from replies
        return
    for number, reply in enumerate(replies):
        if not number:
            met(metadata)
        yield reply


def _serialise(message: Message) -> bytes:
    return message.SerializeToString()
