# SPDX-License-Identifier: Apache-2.0
"""TLS of the gRPC server: contexts from files that may come late, change, and be half written.

Every connection that is accepted asks for the context; the files are looked at then, at most every
five seconds, so an idle agent does nothing. What is spoken inside is not known here.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .config import AgentConfig

    Signature = tuple[tuple[int, int, int] | None, ...]
    """Device, inode and time of change of each file; None for one that is not there."""

__all__ = ["TlsFiles", "build_context"]

_log = logging.getLogger(__name__)

CHECK_S: Final = 5.0


class TlsFiles:
    """The files named by the settings, and the last context that could be made of them."""

    def __init__(self, config: AgentConfig, now_s: Callable[[], float]) -> None:
        """`now_s` is a clock that never goes back, in seconds."""
        self._config = config
        self._now_s = now_s
        self._checked_s: float | None = None
        self._signature: Signature | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | None:
        """For the next connection; None as long as the files are not there or not valid.

        A new set of files that is not valid leaves the old one in use.
        """
        now_s = self._now_s()
        if self._checked_s is None or now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            self._renew()
        return self._context

    def reload(self) -> None:
        """Look at the files with the next connection, however soon that is."""
        self._checked_s = None

    def _renew(self) -> None:
        signature = _signature(self._config)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            self._context = build_context(self._config)
        except UsageError as error:
            kept = "the previous ones stay in use" if self._context else "no TLS client is served"
            _log.warning("TLS files: %s", kept, extra={"attrs": {"error": str(error)}})
        else:
            file = self._config.server_tls_cert_file
            _log.info("TLS files were read", extra={"attrs": {"certificate": file}})


def _signature(config: AgentConfig) -> Signature:
    files = (config.server_tls_cert_file, config.server_tls_key_file)
    return tuple(_mark(Path(name)) for name in (*files, *config.server_tls_client_ca_files))


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def build_context(config: AgentConfig) -> ssl.SSLContext:
    """A server's context of TLS 1.3; UsageError says which file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    certificate, key = config.server_tls_cert_file, config.server_tls_key_file
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise UsageError(f"{certificate} and {key}: {_reason(error)}") from error
    for name in config.server_tls_client_ca_files:
        try:
            context.load_verify_locations(name)
        except OSError as error:
            raise UsageError(f"{name}: {_reason(error)}") from error
    if config.server_tls_require_client_cert:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _no_password() -> str:
    """Without it OpenSSL would ask the terminal for the password of an encrypted key."""
    raise ValueError("the key is encrypted; give one without a password")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        if "MISMATCH" in (error.reason or ""):
            return "the key is not the certificate's"
        return f"no valid PEM file ({error.reason or error})"
    return getattr(error, "strerror", None) or str(error)
