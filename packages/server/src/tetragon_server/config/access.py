# SPDX-License-Identifier: Apache-2.0
"""Options: who may connect, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from tetragon_core.errors import UsageError

from .kinds import LINES, WORDS
from .option import option

__all__ = ["AccessOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class AccessOptions:
    """TLS on the TCP address, and what an identity may do."""

    server_tls_cert_file: str = option("", "Certificate of the agent (PEM), for TLS on TCP.")
    server_tls_key_file: str = option("", "Its private key (PEM).")
    server_tls_client_ca_files: tuple[str, ...] = option(
        (), "Authorities (PEM) that sign certificates of clients.", WORDS
    )
    server_tls_require_client_cert: bool = option(
        default=False, text="Refuse clients without such a certificate."
    )
    unix_socket_group: str = option(
        "", "Group that may open the unix socket, by name or number.", is_ours=True
    )
    read_only: tuple[str, ...] = option(
        (),
        "Who may watch but change nothing: uid:N, gid:N, user:NAME, group:NAME, cn:NAME (of a"
        " client's certificate), tcp (all of TCP) or '*' (everybody); may be given several times.",
        LINES,
        is_ours=True,
        reloads=True,
    )
    full_access: tuple[str, ...] = option(
        (),
        "Who may change things all the same, written like --read-only.",
        LINES,
        is_ours=True,
        reloads=True,
    )
    audit_log: str = option(
        "",
        "File that gets a JSON line for each change of a policy, and each one refused, with who"
        " asked; the agent's log has them in any case.",
        is_ours=True,
    )

    @property
    def has_tls(self) -> bool:
        """TCP connections speak TLS."""
        return bool(self.server_tls_cert_file)

    def check_access(self) -> None:
        """Raise UsageError for TLS options that do not fit together."""
        if bool(self.server_tls_cert_file) != bool(self.server_tls_key_file):
            raise UsageError(
                "TLS needs both server-tls-cert-file and server-tls-key-file; one is missing"
            )
        if self.server_tls_require_client_cert and not self.server_tls_client_ca_files:
            raise UsageError(
                "server-tls-require-client-cert needs server-tls-client-ca-files to check them with"
            )
        if self.server_tls_client_ca_files and not self.server_tls_require_client_cert:
            raise UsageError(
                "server-tls-client-ca-files has no effect without server-tls-require-client-cert;"
                " give both"
            )
        if self.server_tls_require_client_cert and not self.has_tls:
            raise UsageError("server-tls-require-client-cert needs server-tls-cert-file too")
