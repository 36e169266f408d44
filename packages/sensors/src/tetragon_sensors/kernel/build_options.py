# SPDX-License-Identifier: Apache-2.0
"""How the running kernel was built, as far as it tells: /proc/config.gz, else /boot/config-*."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UnsupportedKernelError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OPTIONS", "build_options"]

OPTIONS: Final = (
    "CONFIG_AUDIT",
    "CONFIG_AUDITSYSCALL",
    "CONFIG_BPF",
    "CONFIG_BPF_EVENTS",
    "CONFIG_BPF_JIT",
    "CONFIG_BPF_JIT_DEFAULT_ON",
    "CONFIG_BPF_KPROBE_OVERRIDE",
    "CONFIG_BPF_SYSCALL",
    "CONFIG_CGROUPS",
    "CONFIG_DEBUG_INFO_BTF",
    "CONFIG_DEBUG_INFO_BTF_MODULES",
    "CONFIG_FTRACE_SYSCALLS",
    "CONFIG_HAVE_BPF_JIT",
    "CONFIG_HAVE_EBPF_JIT",
    "CONFIG_SECURITY",
)
"""Those that Tetragon's client tells."""


def build_options(root: Path = Path("/")) -> dict[str, str]:
    """Each of OPTIONS with y, m, or n when it was not chosen.

    Raises UnsupportedKernelError when the kernel does not tell.
    """
    places = (root / "proc/config.gz", root / f"boot/config-{os.uname().release}")
    for path in places:
        try:
            content = path.read_bytes()
            text = gzip.decompress(content) if path.suffix == ".gz" else content
        except (OSError, EOFError, ValueError):
            continue
        chosen = _chosen(text.decode(errors="replace").splitlines())
        return {name: chosen.get(name, "n") for name in OPTIONS}
    raise UnsupportedKernelError(
        f"how this kernel was built is not known: there is neither {places[0]} nor {places[1]}"
    )


def _chosen(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}
