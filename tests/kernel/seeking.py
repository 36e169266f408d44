# SPDX-License-Identifier: Apache-2.0
"""The hook that tests of filters on processes use: calls of lseek to one offset."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["MARK", "policy", "seek"]

MARK: Final = 4444
"""The offset."""


def policy(*selectors: str) -> str:
    """Calls of lseek to MARK that one of these selectors, each a line of filters, wants."""
    lines = "".join(
        f"    - {{{selector}, matchArgs: [{{index: 6, operator: Equal, values: ['{MARK}']}}]}}\n"
        for selector in selectors
    )
    return f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: processes}}
spec:
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_lseek
    args: [{{index: 6, type: int64}}]
    selectors:
{lines}"""


def seek() -> None:
    """Hit the hook once."""
    fd = os.open("/proc/self/exe", os.O_RDONLY)
    os.lseek(fd, MARK, os.SEEK_SET)
    os.close(fd)
