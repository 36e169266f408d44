# SPDX-License-Identifier: Apache-2.0
"""Which runtime may have made a cgroup, by its name."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["maker"]

_NAME: Final = re.compile(r"(?:(.*)[-:])?[0-9a-f]{64}(?:\.scope)?\Z")


def maker(path: str) -> str | None:
    """What stands before the id of a container: "libpod", "docker", "crio", "" for the bare id.

    None when the last part of the path has no id of 64 digits.
    """
    found = _NAME.match(path.rpartition("/")[2])
    if found is None:
        return None
    before = found[1] or ""
    return before.rpartition(":")[2]
