# SPDX-License-Identifier: Apache-2.0
"""What the base sensor needs of the kernel: checked first, so that the error is one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tetragon_core.errors import PermissionDeniedError, UnsupportedKernelError
from tetragon_core.privileges import Held, feature

__all__ = ["MINIMUM_KERNEL", "check_kernel", "may_allocate", "program_copies"]

MINIMUM_KERNEL: Final = (5, 8)
"""First release with the BPF ring buffer (457f44363a88) and a boot-time clock helper."""

_PREEMPTIBLE: Final = (7, 0)
"""First release whose tracepoint programs can be preempted (a46023d5616e)."""
_COPIES: Final = 4
_ALLOCATING: Final = (6, 1)
"""First release in which programs of all kinds may use maps that take memory per entry; before, the
kernel warns of each, or refuses it (check_map_prealloc)."""

_BTF: Final = Path("/sys/kernel/btf/vmlinux")


def check_kernel(release: str | None = None, btf: Path = _BTF, held: Held | None = None) -> None:
    """Raise UnsupportedKernelError or PermissionDeniedError when the sensor cannot load here."""
    release = release or os.uname().release
    if _version(release) < MINIMUM_KERNEL:
        raise UnsupportedKernelError(
            f"this kernel is {release}; {MINIMUM_KERNEL[0]}.{MINIMUM_KERNEL[1]} or newer is needed "
            "(BPF ring buffer)"
        )
    if not btf.exists():
        raise UnsupportedKernelError(
            f"{btf} is missing: kernel {release} was built without CONFIG_DEBUG_INFO_BTF=y; "
            "install a distribution kernel that has it, or mount /sys"
        )
    _check_capabilities(held or Held.here())


def program_copies(release: str | None = None) -> int:
    """How many copies of a tracepoint program have to be attached (bpf/include/seen.h says why).

    An event is lost only if as many tasks were preempted, on its CPU, inside these programs.
    """
    return _COPIES if _version(release or os.uname().release) >= _PREEMPTIBLE else 1


def may_allocate(release: str | None = None) -> bool:
    """Whether maps that programs write to may take memory for each entry when it is made."""
    return _version(release or os.uname().release) >= _ALLOCATING


def _version(release: str) -> tuple[int, int]:
    numbers = release.split("-", 1)[0].split(".")
    try:
        return int(numbers[0]), int(numbers[1])
    except (IndexError, ValueError):
        return MINIMUM_KERNEL  # an unknown scheme: let the load itself decide


def _check_capabilities(held: Held) -> None:
    for name in ("events", "memory"):
        if lacks := held.told(feature(name)):
            raise PermissionDeniedError(
                f"loading BPF programs is not permitted: {lacks}; run `sudo tetragon-mini agent`"
            )
