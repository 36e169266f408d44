# SPDX-License-Identifier: Apache-2.0
"""Options: where the agent listens, and the files that tell others about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .option import option

__all__ = ["ListeningOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ListeningOptions:
    """Addresses and the run directory."""

    server_address: str = option(
        "localhost:54321", "Where to listen: host:port or unix:///path; empty: nowhere."
    )
    unix_socket: str | None = option(
        None,
        "Socket beside a TCP address [tetragon.sock in --run-dir]; empty: none.",
        is_ours=True,
    )
    health_server_address: str = option(":6789", "gRPC health service; empty: off.")
    metrics_server: str = option("", "HTTP /metrics; empty: off.")
    run_dir: str = option(
        "/var/run/tetragon",
        "Directory of the pid file, the info file and the socket.",
        is_ours=True,
    )

    @property
    def socket_path(self) -> str:
        """The unix socket beside a TCP address; empty when there is none."""
        if self.unix_socket is not None:
            return self.unix_socket
        return str(Path(self.run_dir) / "tetragon.sock")
