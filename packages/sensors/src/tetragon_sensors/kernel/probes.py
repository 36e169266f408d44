# SPDX-License-Identifier: Apache-2.0
"""Features of the running kernel under Tetragon's names, each tried for real and undone at once.

What a method of attaching allows is in `abilities.py`; here are helpers, and what a kernel keeps.
"""

from __future__ import annotations

import functools
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError, TetragonError

from . import _ffi
from .abilities import Abilities, Ability
from .btf import Btf
from .build_options import build_options
from .calls import AttachKind, Command, bpf, request
from .kprobes import attach_kprobe
from .maps import MapKind, MapSpec, create_map
from .programs import ProgramKind, load_program
from .syscalls import entry_symbol, native_abi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FEATURES", "probe_features"]

FEATURES: Final = (
    *("override_return", "buildid", "kprobe_multi", "uprobe_multi", "fmodret", "fmodret_syscall"),
    *("signal", "large", "link_pin", "lsm", "missed_stats_kprobe_multi", "missed_stats_kprobe"),
    *("batch_update", "uprobe_refctroff", "audit_loginuid", "probe_write_user"),
    *("uprobe_regs_change", "mix_bpf_and_tail_calls", "fentry", "get_func_ret"),
    *("substring_kfunc", "copy_from_user_str"),
)

_FUNCTION: Final = "bpf_fentry_test1"
"""Made for trials, never called."""
_SMALL_PROGRAM: Final = 4096
"""Instructions that kernels before 5.2 take at most."""
_REFERENCE_COUNTERS: Final = Path("/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset")
_LOGIN_UID: Final = Path("/proc/self/loginuid")
_BUILD_ID_EVENT: Final = struct.pack(
    "=IIQQQQQIIQQ", 1, 72, 10, 0, 1 << 10, 0, 1 << 8 | 1 << 14 | 1 << 23 | 1 << 34, 1, 0, 0, 0
)
"""struct perf_event_attr: PERF_COUNT_SW_BPF_OUTPUT with the flags mmap, watermark, mmap2, build_id.
"""


def probe_features() -> Iterator[tuple[str, bool]]:
    """Name of each of FEATURES, and whether the kernel has it. Takes tenths of a second."""
    probes = _Probes()
    for name in FEATURES:
        trial: Callable[[], object] = getattr(probes, name)
        try:
            yield name, trial() is not False
        except TetragonError:
            yield name, False


def _instruction(
    code: int, target: int = 0, source: int = 0, offset: int = 0, imm: int = 0
) -> bytes:
    return struct.pack("=BBhi", code, source << 4 | target, offset, imm)


def _call(helper: int) -> bytes:
    return _instruction(0x85, imm=helper)


_CONTEXT_TO_6: Final = _instruction(0xBF, 6, 1)
_CONTEXT_FROM_6: Final = _instruction(0xBF, 1, 6)
_ZERO: Final = [_instruction(0xB7, register) for register in range(4)]
"""r0 = 0 and so on."""
_EXIT: Final = _instruction(0x95)
_END: Final = _ZERO[0] + _EXIT
_STACK_8: Final = (
    _instruction(0x7A, 10, 0, -8) + _instruction(0xBF, 2, 10) + _instruction(7, 2, imm=-8)
)
"""*(u64 *)(fp - 8) = 0; r2 = fp - 8."""


def _loads(
    kind: ProgramKind, code: bytes, attach: AttachKind = AttachKind.NONE, on: int = 0
) -> None:
    program = load_program(
        kind, code, name="trial", expected_attach_type=attach, attach_btf_id=on, log_level=0
    )
    program.close()


def _checked(ability: Ability) -> bool:
    return ability.allowed


class _Probes:
    """A method for each feature: false or TetragonError is no, anything else yes."""

    @functools.cached_property
    def _abilities(self) -> Abilities:
        return Abilities(Btf.vmlinux())

    @functools.cached_property
    def _getcpu(self) -> str:
        return entry_symbol(native_abi(os.uname().machine), "getcpu")

    def override_return(self) -> None:
        _loads(ProgramKind.KPROBE, _ZERO[2] + _call(58) + _END)

    def buildid(self) -> bool:
        event = bytearray(_BUILD_ID_EVENT)
        buffer = request(f"{len(event)}s", bytes(event))
        fd, code = _ffi.system_call(
            _ffi.PERF_EVENT_OPEN, _ffi.address_of(buffer), -1, 0, -1, 1 << 3
        )
        if not code:
            os.close(fd)
        return not code

    def kprobe_multi(self) -> bool:
        return _checked(self._abilities.can_kprobe_multi)

    def uprobe_multi(self) -> bool:
        return _checked(self._abilities.method("uprobe.multi"))

    def fmodret(self) -> bool:
        return _checked(self._abilities.can_fmod_ret)

    def fmodret_syscall(self) -> bool:
        return _checked(self._abilities.can_modify(self._getcpu))

    def signal(self) -> None:
        _loads(ProgramKind.KPROBE, _ZERO[1] + _call(109) + _END)

    def large(self) -> None:
        _loads(ProgramKind.KPROBE, _ZERO[0] * (_SMALL_PROGRAM + 1) + _EXIT)

    def link_pin(self) -> None:
        # Only where there is a link, which can be pinned, a probe can have a cookie.
        with load_program(ProgramKind.KPROBE, _END, name="trial", log_level=0) as program:
            attach_kprobe(program, _FUNCTION, cookie=1).close()

    def lsm(self) -> bool:
        return _checked(self._abilities.can_lsm)

    def missed_stats_kprobe_multi(self) -> bool:
        return Btf.vmlinux().has_member("bpf_link_info", "kprobe_multi.missed")

    def missed_stats_kprobe(self) -> bool:
        return Btf.vmlinux().has_member("bpf_link_info", "perf_event.kprobe.missed")

    def batch_update(self) -> bool:
        key, value = request("I", 1), request("I", 1)
        places = _ffi.address_of(key), _ffi.address_of(value)
        with create_map(MapSpec(kind=MapKind.HASH, name="trial")) as one:
            attributes = request("QQQQIIQQ", 0, 0, *places, 1, one.fd, 0, 0)
            return not bpf(Command.MAP_UPDATE_BATCH, attributes)[1]

    def uprobe_refctroff(self) -> bool:
        return _REFERENCE_COUNTERS.exists()

    def audit_loginuid(self) -> bool:
        try:
            options = build_options()
        except TetragonError:
            options = {}
        return options.get("CONFIG_AUDIT", "n") != "n" or _LOGIN_UID.exists()

    def probe_write_user(self) -> None:
        eight = _instruction(0xB7, 3, imm=8)
        _loads(ProgramKind.KPROBE, _STACK_8 + _ZERO[1] + eight + _call(36) + _END)

    def uprobe_regs_change(self) -> bool:
        return _checked(self._abilities.can_write_registers)

    def mix_bpf_and_tail_calls(self) -> None:
        spec = MapSpec(kind=MapKind.PROG_ARRAY, name="trial")
        with create_map(spec) as programs:
            load_map = _instruction(0x18, 2, 1, imm=programs.fd) + _instruction(0)
            tail_call = _CONTEXT_FROM_6 + load_map + _ZERO[3] + _call(12) + _END
            skipped = len(tail_call) // 8
            own_call = _instruction(0x85, source=1, imm=skipped)
            _loads(ProgramKind.RAW_TRACEPOINT, _CONTEXT_TO_6 + own_call + tail_call + _END)

    def fentry(self) -> bool:
        return _checked(self._abilities.can_fentry)

    def get_func_ret(self) -> None:
        function = Btf.vmlinux().find_function(self._getcpu)
        if function is None:
            raise LoadError(f"no types of {self._getcpu}")
        code = _STACK_8 + _call(184) + _END
        _loads(ProgramKind.TRACING, code, AttachKind.TRACE_FEXIT, function.type_id)

    def substring_kfunc(self) -> bool:
        self.large()
        return Btf.vmlinux().find_function("bpf_strnstr") is not None

    def copy_from_user_str(self) -> bool:
        return Btf.vmlinux().find_function("bpf_copy_from_user_str") is not None
