# SPDX-License-Identifier: Apache-2.0
"""TLS of the client: gRPC credentials from the --tls-* options."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import grpc

from tetragon_core.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from .settings import ClientSettings

__all__ = ["TlsChannel", "tls_channel"]

_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
)


class TlsChannel(NamedTuple):
    """What a channel with TLS is made with."""

    credentials: grpc.ChannelCredentials
    options: tuple[tuple[str, str], ...]


def tls_channel(settings: ClientSettings, address: str) -> TlsChannel:
    """Raises UsageError for options or files that cannot be used."""
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        raise UsageError("--tls-cert-file and --tls-key-file have to be given together")
    if settings.tls_skip_verify and settings.tls_ca_cert_files:
        raise UsageError(
            "--tls-skip-verify checks nothing, so --tls-ca-cert-files makes no sense; leave one out"
        )
    name = settings.tls_server_name
    if settings.tls_skip_verify:
        shown, name = _shown_certificate(settings, address)
    else:
        shown = None
    roots = shown or _authorities(settings.tls_ca_cert_files)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=roots,
        private_key=_read(settings.tls_key_file),
        certificate_chain=_read(settings.tls_cert_file),
    )
    options = (("grpc.ssl_target_name_override", name),) if name else ()
    return TlsChannel(credentials, options)


def _read(name: str) -> bytes | None:
    if not name:
        return None
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error


def _authorities(names: tuple[str, ...]) -> bytes | None:
    """Those given, else the system's; None leaves it to gRPC."""
    if names:
        return b"\n".join(_read(name) or b"" for name in names)
    return next((Path(one).read_bytes() for one in _SYSTEM_BUNDLES if Path(one).is_file()), None)


def _shown_certificate(settings: ClientSettings, address: str) -> tuple[bytes, str]:
    """The certificate the server shows, and a name in it.

    gRPC always verifies. Taking whatever the server shows as the only authority comes to the same
    as not verifying: a connection to somebody who has that certificate's key, whoever that is.
    """
    host, _, port = address.removeprefix("dns:").lstrip("/").rpartition(":")
    target = (host.strip("[]"), int(port))
    context = _client_context(settings)
    context.verify_mode = ssl.CERT_NONE
    try:
        with _handshake(target, context, settings.timeout_s) as shown:
            der = shown.getpeercert(binary_form=True) or b""
        pem = ssl.DER_cert_to_PEM_cert(der)
        # The standard library only parses a certificate that it has verified.
        context = _client_context(settings)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=pem)
        with _handshake(target, context, settings.timeout_s) as verified:
            certificate: dict[str, Any] = verified.getpeercert() or {}
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConnectionFailedError(f"no TLS connection to {address}: {reason}") from error
    return pem.encode(), _any_name(certificate)


def _client_context(settings: ClientSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    if settings.tls_cert_file:
        try:
            context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(f"cannot use {settings.tls_cert_file}: {reason}") from error
    return context


def _handshake(target: tuple[str, int], context: ssl.SSLContext, timeout_s: float) -> ssl.SSLSocket:
    plain = socket.create_connection(target, timeout_s)
    try:
        return context.wrap_socket(plain)
    except OSError:
        plain.close()
        raise


def _any_name(certificate: dict[str, Any]) -> str:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in {"DNS", "IP Address"}:
            return str(name)
    subject = [pair for entry in certificate.get("subject", ()) for pair in entry]
    return next((str(name) for kind, name in subject if kind == "commonName"), "")
