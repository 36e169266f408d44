# SPDX-License-Identifier: Apache-2.0
"""Policies about executables and what they load, and about terminals."""

from __future__ import annotations

import mmap
import os
import pty
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue

from .case import Case, in_turn
from .places import PLACE, bound, copied, places
from .values import Hit, executable, file, number, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["CASES"]

_OK: Final = number(0)

# ---- executables ----


def become(program: str) -> None:
    """Execute a program in this process."""
    os.execv(program, [program])


def fork_only() -> None:
    """A child that executes nothing."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


_SSHD: Final = "/usr/sbin/sshd"
_GOOD_LIBRARY: Final = f"{PLACE}/liblzma.so.5.4.1"
_BAD_LIBRARY: Final = f"{PLACE}/liblzma.so.5.6.1"


def library() -> str:
    """A library that every program can have."""
    maps = Path("/proc/self/maps").read_text().split()
    return next(word for word in maps if "/libm" in word or "/libc" in word)


@contextmanager
def sshd_and_libraries() -> Iterator[None]:
    """A program of that name, and a library under two names."""
    with ExitStack() as stack:
        stack.enter_context(places())
        if Path(_SSHD).exists():
            stack.enter_context(bound(os.path.realpath("/bin/true"), _SSHD))
        else:
            stack.enter_context(copied("/bin/true", _SSHD))
        for name in (_GOOD_LIBRARY, _BAD_LIBRARY):
            stack.enter_context(copied(library(), name))
            Path(name).chmod(0o755)
        yield


def preload(program: str, name: str) -> None:
    """Run a program that maps the library first; its parent waits for it."""
    pid = os.fork()
    if not pid:
        os.execve(program, [program], {"LD_PRELOAD": name})
    os.waitpid(pid, 0)


def bad_library() -> tuple[Hit, ...]:
    """Of security_mmap_file, for each part of the library that has a protection of its own."""
    return tuple(
        Hit(
            "security_mmap_file",
            (file(_BAD_LIBRARY, "-rwxr-xr-x"), ArgumentValue("uint_arg", protection)),
            _OK,
        )
        for protection in (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_EXEC, 3)
    )


# ---- terminals ----


def write_to_terminal() -> None:
    """Five bytes to a terminal of our own."""
    ours, theirs = pty.openpty()
    os.write(theirs, b"seen\n")
    os.close(theirs)
    os.close(ours)


def terminal() -> ArgumentValue:
    """The next one."""
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)
    return file(name, "crw-------")


def has_iterators(kernel: Kernel) -> bool:
    """Terminals are written by iterators since 5.11."""
    return kernel.btf.find_function("tty_write").prototype.find("kiocb") >= 0  # type: ignore[union-attr]  # it is there


_TEXT: Final = ArgumentValue("bytes_arg", b"seen\n")

CASES: Final = (
    Case(
        policy="tracingpolicy/security_bprm_check",
        prepare=lambda: copied("/bin/true", "/usr/bin/sample-exec"),
        act=lambda: become("/usr/bin/sample-exec"),
        expected=(Hit("security_bprm_check", (executable("/usr/bin/sample-exec"),)),),
        miss=lambda: become("/bin/true"),
    ),
    Case(
        policy="tracingpolicy/cves/cve-2024-3094-xz-ssh",
        prepare=sshd_and_libraries,
        act=lambda: preload(_SSHD, _BAD_LIBRARY),
        expected=bad_library,
        miss=in_turn(
            lambda: preload(_SSHD, _GOOD_LIBRARY), lambda: preload("/bin/true", _BAD_LIBRARY)
        ),
    ),
    Case(
        policy="tracingpolicy/rawtp",
        act=lambda: become("/bin/true"),
        expected=(Hit("sched/sched_process_exec", (executable(os.path.realpath("/bin/true")),)),),
        miss=fork_only,
    ),
    Case(
        policy="tracingpolicy/process-exec/process-exec-elf-begin",
        act=lambda: become("/bin/true"),
        expected=(
            Hit(
                "security_bprm_creds_from_file",
                (file(os.path.realpath("/bin/true"), "-rwxr-xr-x"),),
            ),
        ),
        miss=lambda: Path("/bin/true").read_bytes(),
    ),
    Case(
        policy="tracingpolicy/tty",
        refused=lambda kernel: "" if has_iterators(kernel) else "type kiocb does not fit",
        act=write_to_terminal,
        expected=lambda: (Hit("tty_write", (terminal(), _TEXT)),),
        miss=pty.openpty,
    ),
    Case(
        policy="tracingpolicy/tty_54",
        refused=lambda kernel: (
            "(type file does not fit|no way to attach)" if has_iterators(kernel) else ""
        ),
        act=write_to_terminal,
        expected=lambda: (Hit("tty_write", (terminal(), _TEXT, size(5))),),
        miss=pty.openpty,
    ),
)
