# SPDX-License-Identifier: Apache-2.0
"""Where the agent is: the flag, else what an agent wrote to its info file, else a default."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path
from typing import Final

from tetragon_core.errors import UsageError

__all__ = ["DEFAULT_ADDRESS", "INFO_FILE", "normalise", "probe_socket", "resolve", "socket_path"]

INFO_FILE: Final = Path("/var/run/tetragon/tetragon-info.json")
DEFAULT_ADDRESS: Final = "localhost:54321"
_PORT: Final = 54321
_LAST_PORT: Final = 65535
_PROBE_S: Final = 5.0

_log = logging.getLogger(__name__)


def normalise(address: str) -> str:
    """The address with its port; `unix:` addresses stay as they are.

    What gRPC would only call unavailable, after some time, is refused here.
    """
    if "," in address:
        raise UsageError(f"{address!r} are several addresses: give one")
    path = socket_path(address)
    if path is not None:
        return _checked(address, is_good=bool(path))
    if address.count(":") > 1 and not address.startswith(("[", "dns:")):
        address = f"[{address}]"  # IPv6 alone
    host, colon, port = address.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = address, str(_PORT)
    scheme, slashes, _ = host.partition("//")
    is_good = bool(host) and port.isdecimal() and int(port) <= _LAST_PORT
    return _checked(f"{host}:{port}", is_good=is_good and (not slashes or scheme == "dns:"))


def _checked(address: str, *, is_good: bool) -> str:
    if is_good and address.isprintable() and " " not in address:
        return address
    raise UsageError(f"{address!r} is no address: write host:port or unix:///path")


def socket_path(address: str) -> str | None:
    """Path of a unix address, None for TCP."""
    if not address.startswith("unix:"):
        return None
    return address.removeprefix("unix:").removeprefix("//")


def probe_socket(path: str) -> OSError | None:
    """Why nobody can be reached at a unix socket; None when somebody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(path)
        except OSError as error:
            return error
    return None


def resolve(flag: str, info_file: Path = INFO_FILE) -> str:
    """The address to connect to.

    An info file that outlived its agent names a socket where nobody listens; it is passed over.
    """
    if flag:
        return normalise(flag)
    address = _from_info_file(info_file)
    if not address:
        return DEFAULT_ADDRESS
    path = socket_path(address)
    if path is not None and isinstance(
        probe_socket(path), FileNotFoundError | ConnectionRefusedError
    ):
        _log.debug("%s is stale: nobody listens at %s", info_file, address)
        return DEFAULT_ADDRESS
    return normalise(address)


def _from_info_file(info_file: Path) -> str:
    """`server_address` of the info file; empty when there is no usable one."""
    try:
        info = json.loads(info_file.read_bytes())
    except (OSError, ValueError) as error:
        _log.debug("no address from %s: %s", info_file, error)
        return ""
    address = info.get("server_address", "") if isinstance(info, dict) else ""
    return address if isinstance(address, str) else ""
