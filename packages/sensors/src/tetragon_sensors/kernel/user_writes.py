# SPDX-License-Identifier: Apache-2.0
"""Whether programs may write into the memory of processes: a kernel that is locked down refuses."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from tetragon_core.errors import LoadError, TetragonError
from tetragon_core.privileges import lacking

from .abilities import Ability
from .programs import ProgramKind, load_program

__all__ = ["can_write_user"]

_WRITES_NOTHING: Final = bytes.fromhex(
    "b701000000000000"  # r1 = 0: no address
    "7b1af8ff00000000"  # *(u64 *)(r10 - 8) = r1
    "bfa2000000000000"  # r2 = r10
    "07020000f8ffffff"  # r2 += -8
    "b703000004000000"  # r3 = 4
    "8500000024000000"  # call bpf_probe_write_user
    "b700000000000000"  # r0 = 0
    "9500000000000000"  # exit
)
_LOCKDOWN: Final = Path("/sys/kernel/security/lockdown")


@functools.cache
def can_write_user() -> Ability:
    """Whether the running kernel loads a program that calls bpf_probe_write_user, and why not."""
    try:
        load_program(ProgramKind.KPROBE, _WRITES_NOTHING, name="trial", log_level=0).close()
    except LoadError:
        return Ability(allowed=False, reason=_refusal())
    except TetragonError as error:
        return Ability(allowed=False, reason=str(error))
    return Ability(allowed=True)


def _refusal() -> str:
    if lacks := lacking("writing"):
        return f"a program may not write into processes: {lacks}"
    try:
        state = _LOCKDOWN.read_text().strip()
    except OSError:
        state = "[none]"  # securityfs is not mounted
    locked = "" if "[none]" in state else f"is locked down ({state}) and "
    return (
        f"the kernel {locked}lets no program write into processes (bpf_probe_write_user), as is so "
        "with secure boot or the parameter lockdown="
    )
