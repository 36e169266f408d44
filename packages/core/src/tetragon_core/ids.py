# SPDX-License-Identifier: Apache-2.0
"""Names of things: the exec id that names one image of one process, and the node's name."""

from __future__ import annotations

import os
from base64 import b64decode
from binascii import Error as Base64Error
from binascii import b2a_base64
from typing import TYPE_CHECKING, Final

from .messages import ProcessKey

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KERNEL_KEY", "exec_id", "node_name", "try_parse_exec_id"]

KERNEL_KEY: Final = ProcessKey(0, 1)
"""The pseudo process that stands above pid 1 and kthreadd."""


def exec_id(node: str, key: tuple[int, int]) -> str:
    """Text form of `key`, a ProcessKey: base64 of "node:ktime:pid"."""
    text = f"{node}:{key[1]}:{key[0]}"
    return b2a_base64(text.encode("utf-8", "replace"), newline=False).decode("ascii")


def try_parse_exec_id(text: str) -> ProcessKey | None:
    """Return the key in an exec id, whatever its node; None when it is not one."""
    try:
        _, ktime, pid = b64decode(text, validate=True).decode().rsplit(":", 2)
        return ProcessKey(int(pid), int(ktime))
    except (Base64Error, ValueError):
        return None


def node_name(environ: Mapping[str, str] | None = None) -> str:
    """Return the node's name: set by whoever deploys the agent, else the host name."""
    env = os.environ if environ is None else environ
    return env.get("HUBBLE_NODE_NAME") or env.get("NODE_NAME") or os.uname().nodename
