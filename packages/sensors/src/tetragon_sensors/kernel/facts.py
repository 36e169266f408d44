# SPDX-License-Identifier: Apache-2.0
"""Everything known about one kernel: the running one, or another of which there are types only."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Final

from tetragon_core import syscalls

from .abilities import Abilities
from .assumed import AssumedAbilities
from .btf import Btf, Kind
from .symbols import BtfSymbols, Symbols
from .syscalls import NUMBERS_ONLY, entry_symbol, native_abi, symbol_prefix
from .tracefs import Tracefs, TracefsError, find_tracefs

__all__ = ["Kernel"]

_PREEMPTION: Final = Path("/sys/kernel/debug/sched/preempt")
_COMMAND_LINE: Final = Path("/proc/cmdline")
_FULL: Final = "preempt=full"


class Kernel:
    """A kernel's types, symbols, tracepoints and abilities; each is read when first asked for."""

    def __init__(
        self,
        *,
        release: str,
        arch: str,
        btf: Btf,
        symbols: Symbols,
        abilities: Abilities,
        is_running: bool,
    ) -> None:
        self.release = release
        """As uname(2) has it, or the file's name for another machine's."""
        self.arch = arch
        """As uname(2) has it: x86_64, aarch64."""
        self.btf = btf
        self.symbols = symbols
        self.abilities = abilities
        self.is_running = is_running

    @classmethod
    def running(cls) -> Kernel:
        """This machine's. Raises UnsupportedKernelError when its types cannot be read."""
        name = os.uname()
        btf = Btf.vmlinux()
        return cls(
            release=name.release,
            arch=name.machine,
            btf=btf,
            symbols=Symbols(types=btf),
            abilities=Abilities(btf),
            is_running=True,
        )

    @classmethod
    def from_btf(cls, path: Path) -> Kernel:
        """Another machine's, from a copy of its /sys/kernel/btf/vmlinux. Raises BtfError.

        Its functions are those that the types have; its abilities are assumed; of its tracepoints
        only the raw ones are known.
        """
        btf = Btf.from_file(path)
        names = (name for name, _ in btf.names(frozenset({Kind.FUNC})))
        return cls(
            release=path.name,
            arch=_arch(btf),
            btf=btf,
            symbols=BtfSymbols(names),
            abilities=AssumedAbilities(btf),
            is_running=False,
        )

    @functools.cached_property
    def tracefs(self) -> Tracefs:
        """Its tracepoints. Raises TracefsError when they cannot be known."""
        if not self.is_running:
            raise TracefsError(f"the tracepoints of {self.release} are not in its type information")
        return find_tracefs()

    def syscall_symbols(self) -> list[str]:
        """Entry functions of the system calls it implements, as `__x64_sys_openat`; sorted."""
        abi = native_abi(self.arch)
        names = set(syscalls.names(abi).values()) - NUMBERS_ONLY
        known = {entry_symbol(abi, name) for name in names}
        return sorted(known.intersection(self.symbols.starting(symbol_prefix(abi))))

    @functools.cached_property
    def preempts_programs(self) -> bool:
        """Whether a task can be preempted inside a program, as other than in voluntary preemption.

        From 7.0 on there is no kernel that does not; before it is a kernel's choice, which debugfs
        tells of those that can change it.
        """
        if not self.is_running or self.version >= (7, 0):
            return self.version >= (7, 0)
        if "PREEMPT" not in os.uname().version:
            return False
        try:
            model = _PREEMPTION.read_text()
        except OSError:
            return _FULL in _COMMAND_LINE.read_text().split()
        return "(full)" in model or "(lazy)" in model

    @functools.cached_property
    def preemption_functions(self) -> tuple[int, int] | None:
        """BTF ids of what programs turn preemption off and on with; None where it is not needed.

        Nor where it is no use: before 6.15 no global function may be called meanwhile.
        """
        if not self.preempts_programs or self.version < (6, 15):
            return None
        names = ("bpf_preempt_disable", "bpf_preempt_enable")
        disable, enable = (self.btf.find(name, Kind.FUNC) for name in names)
        return (disable, enable) if disable and enable else None

    @property
    def version(self) -> tuple[int, int]:
        """Its release as numbers, (0, 0) when not known: ask for abilities instead if you can."""
        parts = self.release.split("-", 1)[0].split(".")
        try:
            return int(parts[0]), int(parts[1])
        except (IndexError, ValueError):
            return 0, 0


def _arch(btf: Btf) -> str:
    """The machine that types are of: their struct pt_regs tells."""
    return "x86_64" if btf.has_member("pt_regs", "orig_ax") else "aarch64"
