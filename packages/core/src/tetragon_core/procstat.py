# SPDX-License-Identifier: Apache-2.0
"""The texts of /proc/PID/stat and /proc/PID/status. Parsing only; procfs.py reads the files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .messages import Capabilities, Credentials

__all__ = ["Stat", "Status", "parse_stat", "parse_status"]

_PF_KTHREAD: Final = 0x0020_0000

# Numbers of proc(5), counted from the field behind the name, which is number 3.
_STATE: Final = 0
_PPID: Final = 1
_FLAGS: Final = 6
_THREADS: Final = 17
_START: Final = 19

_STATUS: Final = re.compile(
    rb"^(?P<name>Uid|Gid|NStgid|CapInh|CapPrm|CapEff):\s*(?P<value>.*)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What is needed of /proc/PID/stat."""

    comm: bytes
    ppid: int
    start_ticks: int
    kernel_thread: bool
    is_over: bool
    """Every thread ended; only the exit status is left, for the parent to collect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is needed of /proc/PID/status."""

    nspid: int
    """0 when the process is in the reader's pid namespace."""
    credentials: Credentials | None
    capabilities: Capabilities | None


def parse_stat(text: bytes | None) -> Stat | None:
    """Parse the line; None when there is none. The name may itself hold blanks, lines and ")"."""
    if not text:
        return None
    start, end = text.index(b"("), text.rindex(b")")
    fields = text[end + 2 :].split()
    return Stat(
        comm=text[start + 1 : end],
        ppid=int(fields[_PPID]),
        start_ticks=int(fields[_START]),
        kernel_thread=bool(int(fields[_FLAGS]) & _PF_KTHREAD),
        # A leader that left before its threads is a zombie too, but counts more than itself.
        is_over=fields[_STATE] in {b"Z", b"X"} and int(fields[_THREADS]) <= 1,
    )


def parse_status(text: bytes) -> Status:
    """Parse the lines that matter; what is missing is None."""
    values = {found["name"]: found["value"].split() for found in _STATUS.finditer(text)}
    nspids = values.get(b"NStgid", [])
    return Status(
        nspid=int(nspids[-1]) if len(nspids) > 1 else 0,
        credentials=_credentials(values),
        capabilities=_capabilities(values),
    )


def _credentials(values: dict[bytes, list[bytes]]) -> Credentials | None:
    """Both lines hold real, effective, saved and file system id."""
    if b"Uid" not in values or b"Gid" not in values:
        return None
    uid, euid, suid, fsuid = map(int, values[b"Uid"])
    gid, egid, sgid, fsgid = map(int, values[b"Gid"])
    return Credentials(
        uid=uid,
        gid=gid,
        euid=euid,
        egid=egid,
        suid=suid,
        sgid=sgid,
        fsuid=fsuid,
        fsgid=fsgid,
        securebits=0,  # not shown in /proc
    )


def _capabilities(values: dict[bytes, list[bytes]]) -> Capabilities | None:
    try:
        return Capabilities(
            permitted=int(values[b"CapPrm"][0], 16),
            effective=int(values[b"CapEff"][0], 16),
            inheritable=int(values[b"CapInh"][0], 16),
        )
    except (KeyError, IndexError):
        return None
