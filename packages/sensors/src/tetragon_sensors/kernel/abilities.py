# SPDX-License-Identifier: Apache-2.0
"""Which ways of attaching a kernel really allows, found by trying each on a harmless function.

Versions say little: distributions and sandboxes take features out, and a lock-down refuses them.
"""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UnsupportedKernelError

from .attachments import (
    attach_raw_tracepoint,
    attach_tracepoint,
    attach_trampoline,
)
from .btf import BtfError
from .calls import AttachKind
from .kprobes import attach_kprobe, attach_kprobe_multi
from .programs import ProgramKind, load_program
from .tracefs import find_tracefs
from .user_attachments import attach_uprobe, attach_uprobe_multi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .attachments import Attachment
    from .btf import Btf
    from .programs import Program

__all__ = ["METHODS", "Abilities", "Ability"]

_RETURN_0: Final = bytes.fromhex("b700000000000000 9500000000000000")
_WRITE_REGISTER: Final = bytes.fromhex("7912000000000000 7b21000000000000")
"""r2 = *(u64 *)(r1 + 0); *(u64 *)(r1 + 0) = r2."""
_NEVER_CALLED: Final = "bpf_fentry_test1"
"""A function of net/bpf/test_run.c, made for this."""
_SECURITY_HOOK: Final = "security_sb_statfs"
"""Not called often; the trial returns 0, as the hook does."""
_ACTIVE_LSMS: Final = Path("/sys/kernel/security/lsm")
_EVENT: Final = ("sched", "sched_process_exec")

METHODS: Final = (
    "fentry",
    "fexit",
    "fmod_ret",
    "kprobe.multi",
    "kprobe",
    "tp_btf",
    "raw_tracepoint",
    "tracepoint",
    "lsm",
    "uprobe",
    "uprobe.multi",
    "uprobe.sleep",
    "uprobe.write",
)


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether the kernel allows a method, and why not."""

    allowed: bool
    reason: str = ""
    """What the kernel said; empty when it is allowed."""

    def __bool__(self) -> bool:
        return self.allowed


class Abilities:
    """The running kernel's. Each is tried when first asked for, which takes milliseconds."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf

    @functools.cache  # noqa: B019  (one object per kernel, as many entries as methods)
    def method(self, name: str) -> Ability:
        """Whether one of METHODS works. Raises KeyError for another name."""
        trials: dict[str, Callable[[], None]] = {
            "fentry": lambda: self._trampoline(AttachKind.TRACE_FENTRY),
            "fexit": lambda: self._trampoline(AttachKind.TRACE_FEXIT),
            "fmod_ret": lambda: self._modify_return(_SECURITY_HOOK),
            "kprobe.multi": self._kprobe_multi,
            "kprobe": self._kprobe,
            "tp_btf": self._tp_btf,
            "raw_tracepoint": self._raw_tracepoint,
            "tracepoint": self._tracepoint,
            "lsm": self._lsm,
            "uprobe": self._uprobe,
            "uprobe.multi": self._uprobe_multi,
            "uprobe.write": self._uprobe_write,
            "uprobe.sleep": lambda: self._uprobe(sleeps=True),
        }
        trial = trials[name]
        try:
            trial()
        except TetragonError as error:
            return Ability(allowed=False, reason=str(error))
        return Ability(allowed=True)

    @property
    def can_fentry(self) -> Ability:
        """Programs at the entry of a function, by a trampoline."""
        return self.method("fentry")

    @property
    def can_fexit(self) -> Ability:
        """Programs at the return of a function, by a trampoline."""
        return self.method("fexit")

    @property
    def can_lsm(self) -> Ability:
        """Programs at the hooks of the security modules."""
        return self.method("lsm")

    @functools.cache  # noqa: B019  (one object per kernel; functions of policies)
    def can_modify(self, function: str) -> Ability:
        """Whether a program may decide what this function returns, in place of the function.

        So it is for security hooks; for system calls where the kernel was built for error
        injection, or is as new as 7.0, and not for those of all architectures it has.
        """
        if not self.can_fmod_ret:
            return self.can_fmod_ret
        try:
            type_id = self._function_id(function)
            self._load(ProgramKind.TRACING, AttachKind.MODIFY_RETURN, type_id).close()
        except TetragonError as error:
            return Ability(allowed=False, reason=str(error))
        return Ability(allowed=True)

    @property
    def can_fmod_ret(self) -> Ability:
        """Programs that decide what a security hook returns."""
        return self.method("fmod_ret")

    @property
    def can_kprobe(self) -> Ability:
        """Kprobes and kretprobes by perf events."""
        return self.method("kprobe")

    @property
    def can_kprobe_multi(self) -> Ability:
        """Many functions by one attachment."""
        return self.method("kprobe.multi")

    @property
    def can_uprobe(self) -> Ability:
        """Uprobes and uretprobes by perf events."""
        return self.method("uprobe")

    @property
    def can_uprobe_multi(self) -> Ability:
        """Many places of a file by one attachment."""
        return self.method("uprobe.multi")

    @property
    def can_sleep_in_uprobe(self) -> Ability:
        """Uprobes whose program waits for pages of the process that are not in memory."""
        return self.method("uprobe.sleep")

    @property
    def can_write_registers(self) -> Ability:
        """Uprobes whose program writes the registers that the process goes on with."""
        return self.method("uprobe.write")

    @functools.cached_property
    def has_cookie(self) -> bool:
        """Attachments of probes and tracepoints can carry a number for the program (5.15)."""
        return self.has_helper("get_attach_cookie")

    @functools.cached_property
    def has_bpf_loop(self) -> bool:
        """The helper bpf_loop (5.17)."""
        return self.has_helper("loop")

    def has_helper(self, name: str) -> bool:
        """Whether the kernel has the helper bpf_NAME."""
        try:
            self.btf.enum_value("bpf_func_id", f"BPF_FUNC_{name}")
        except BtfError:
            return False
        return True

    def _load(
        self, kind: ProgramKind, attach: AttachKind, type_id: int = 0, *, sleeps: bool = False
    ) -> Program:
        return load_program(
            kind,
            _RETURN_0,
            name="trial",
            expected_attach_type=attach,
            attach_btf_id=type_id,
            sleeps=sleeps,
        )

    def _function_id(self, name: str) -> int:
        function = self.btf.find_function(name)
        if function is None:
            raise BtfError(f"this kernel's types have no function {name}")
        return function.type_id

    def _trampoline(self, attach: AttachKind) -> None:
        type_id = self._function_id(_NEVER_CALLED)
        _try(self._load(ProgramKind.TRACING, attach, type_id), attach_trampoline)

    def _modify_return(self, function: str) -> None:
        type_id = self._function_id(function)
        program = self._load(ProgramKind.TRACING, AttachKind.MODIFY_RETURN, type_id)
        _try(program, attach_trampoline)

    def _lsm(self) -> None:
        active = _read(_ACTIVE_LSMS)
        if active and "bpf" not in active.strip().split(","):
            raise UnsupportedKernelError(
                f"BPF is not among the security modules of {_ACTIVE_LSMS}: "
                "boot with bpf in the kernel parameter lsm="
            )
        type_id = self._function_id("bpf_lsm_sb_statfs")
        _try(self._load(ProgramKind.LSM, AttachKind.LSM_MAC, type_id), attach_trampoline)

    def _kprobe(self) -> None:
        program = self._load(ProgramKind.KPROBE, AttachKind.NONE)
        _try(program, lambda it: attach_kprobe(it, _NEVER_CALLED))

    def _kprobe_multi(self) -> None:
        # kernels that do not know this attach kind load the program all the same
        program = self._load(ProgramKind.KPROBE, AttachKind.KPROBE_MULTI)
        _try(program, lambda it: attach_kprobe_multi(it, [_NEVER_CALLED]))

    def _uprobe(self, *, sleeps: bool = False) -> None:
        program = self._load(ProgramKind.KPROBE, AttachKind.NONE, sleeps=sleeps)
        with _unused_file() as path:
            _try(program, lambda it: attach_uprobe(it, path, 0))

    def _uprobe_write(self) -> None:
        program = load_program(ProgramKind.KPROBE, _WRITE_REGISTER + _RETURN_0, name="trial")
        with _unused_file() as path:
            _try(program, lambda it: attach_uprobe(it, path, 0))

    def _uprobe_multi(self) -> None:
        program = self._load(ProgramKind.KPROBE, AttachKind.UPROBE_MULTI)
        with _unused_file() as path:
            _try(program, lambda it: attach_uprobe_multi(it, path, [0]))

    def _tp_btf(self) -> None:
        event = self.btf.find_raw_tracepoint(_EVENT[1])
        type_id = event.type_id if event else 0
        program = self._load(ProgramKind.TRACING, AttachKind.TRACE_RAW_TP, type_id)
        _try(program, attach_trampoline)

    def _raw_tracepoint(self) -> None:
        program = self._load(ProgramKind.RAW_TRACEPOINT, AttachKind.NONE)
        _try(program, lambda it: attach_raw_tracepoint(it, _EVENT[1]))

    def _tracepoint(self) -> None:
        tracefs = find_tracefs()
        try:
            event_id = tracefs.event(*_EVENT).event_id
        finally:
            tracefs.close()
        program = self._load(ProgramKind.TRACEPOINT, AttachKind.NONE)
        _try(program, lambda it: attach_tracepoint(it, event_id))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@contextmanager
def _unused_file() -> Iterator[str]:
    """Path of a file in memory that no process maps."""
    fd = os.memfd_create("trial", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, 4096)
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _try(program: Program, attach: Callable[[Program], Attachment]) -> None:
    with program:
        attach(program).close()
