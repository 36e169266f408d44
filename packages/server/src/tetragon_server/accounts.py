# SPDX-License-Identifier: Apache-2.0
"""Numbers of users and groups by their names.

The files of this host are read first: the executable has a C library of its own, which cannot load
what the host's nsswitch.conf(5) names (`compat`, `systemd`, `sss`), or only by chance.
"""

from __future__ import annotations

import grp
import pwd
from pathlib import Path
from typing import Final

__all__ = ["group_id", "user_id"]

USERS: Final = Path("/etc/passwd")
GROUPS: Final = Path("/etc/group")


def user_id(name: str) -> int:
    """The uid of a user; raises KeyError when this host has none of this name."""
    number = _in_file(USERS, name)
    return pwd.getpwnam(name).pw_uid if number is None else number


def group_id(name: str) -> int:
    """The gid of a group; raises KeyError when this host has none of this name."""
    number = _in_file(GROUPS, name)
    return grp.getgrnam(name).gr_gid if number is None else number


def _in_file(file: Path, name: str) -> int | None:
    """The third field of the line whose first one is the name: passwd(5), group(5)."""
    try:
        lines = file.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(":")
        if fields[0] == name and len(fields) > 2 and fields[2].isdecimal():
            return int(fields[2])
    return None
