# SPDX-License-Identifier: Apache-2.0
"""Policies that enforce on files, links, namespaces and executables: killed, or denied."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel import surroundings as around
from kernel.system import unshare
from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.policy.imahash import why_no_hash

from .calls import become, number_of
from .case import Case, in_turn
from .files import cut, mapped, our_passwd, permission, read, sensitive_files, use
from .outcomes import allowed, denied, ended, killed, run_as
from .places import PLACE, places
from .values import Hit, executable, file, number, syscall, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["CASES", "functions_or_lsm"]

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_HERE: Final = -100
"""AT_FDCWD."""
_NEW_USER: Final = 0x1000_0000
_NEW_NETWORK: Final = 0x4000_0000
_BASH: Final = "/usr/bin/bash"
_ABI: Final = "x64" if platform.machine() == "x86_64" else "arm64"


# ---- files ----

_SECRET: Final = "/etc/shadow-seen/key"
_SETTING: Final = "/etc/seen/setting"
_SHELL: Final = f"{PLACE}/.bashrc"
_SHARED, _WRITABLE = 1, 3


def write(name: str) -> None:
    """Write to a file."""
    os.write(os.open(name, os.O_WRONLY), b"seen")


def map_shared(name: str) -> None:
    """Map a file so that what is written there is written to it."""
    mmap.mmap(os.open(name, os.O_RDWR), 4096, mmap.MAP_SHARED, _WRITABLE).close()


_FORBIDDEN: Final = (
    killed(lambda: read(_SECRET)),
    killed(lambda: write(_SETTING)),
    killed(lambda: map_shared(_SETTING)),
    killed(lambda: os.truncate(_SETTING, 1)),
    killed(lambda: read(_SHELL)),
)
_KILLED: Final = (
    permission(_SECRET, 4),
    permission(_SETTING, 2),
    mapped(_SETTING, _WRITABLE, _SHARED),
    cut(_SETTING),
    permission(_SHELL, 4),
)


def show(name: str) -> None:
    """Become cat."""
    become("/usr/bin/cat", name)


# ---- links ----


def link(name: str) -> None:
    """Make a hard link."""
    _check(_LIBC.linkat(_HERE, name.encode(), _HERE, f"{around.LINKS}/link".encode(), 0))


def symbolic_link(name: str) -> None:
    """Make a symbolic link."""
    _check(_LIBC.symlinkat(name.encode(), _HERE, f"{PLACE}/link".encode()))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "refused")


def links(kernel: Kernel) -> str:
    """Why a kernel cannot deny system calls."""
    abilities = kernel.abilities
    can = abilities.can_lsm or abilities.can_modify(syscall("linkat").name)
    return "" if can else "cannot be denied here"


# ---- namespaces ----


def as_nobody(action: Callable[[], object]) -> Callable[[], None]:
    """Without any privilege."""
    return in_turn(around.without_privileges, action)


def as_nobody_elsewhere() -> None:
    """Make a user namespace without privileges, in a pid namespace of its own."""
    around.without_privileges_in_pid_namespace()
    assert ended(lambda: unshare(_NEW_USER)) == signal.SIGKILL


# ---- copied up ----


def copy_up(name: str) -> None:
    """Open a file of the lower layer for writing."""
    os.close(os.open(f"{around.MERGED}/{name}", os.O_WRONLY))


def functions_or_lsm(kernel: Kernel) -> str:
    """Why a kernel cannot deny what a security hook guards."""
    abilities = kernel.abilities
    return "" if abilities.can_fmod_ret or abilities.can_lsm else "cannot be denied here"


def copied_name(kernel: Kernel) -> str:
    """The same for the hook that is told the name of an attribute."""
    function = kernel.btf.find_function("security_inode_copy_up_xattr")
    assert function is not None
    if len(function.parameters) > 1 and not functions_or_lsm(kernel):
        return "type string does not fit argument 0"
    return functions_or_lsm(kernel)


def lsm_and_hashes(kernel: Kernel) -> str:
    """Why a kernel cannot have a hook of the security modules with hashes of files."""
    return around.without_lsm(kernel) or (why_no_hash(kernel) and "imaHash is not possible here")


_EXECUTE: Final = "exec {$ARGV[0]} $ARGV[0]; exit $!"
_EXECUTED: Final = 127
"""execvp(3) has a shell run what the kernel does not know, and that knows no such command."""
_MKDIR: Final = f"mkdir('{PLACE}/made') or exit $!; exit 0"
_DUPLICATE: Final = f"exit(syscall({number_of('dup')}, 1) < 0)"
_CALLED: Final = ArgumentValue("syscall_id", {"id": number_of("dup"), "abi": _ABI})
_SANDBOX: Final = "tracingpolicy/sandbox/linux-namespaces/kill_unprivileged_user_namespace"

CASES: Final = (
    Case(
        policy="quickstart/file_monitoring_enforce",
        prepare=sensitive_files,
        act=in_turn(*_FORBIDDEN),
        expected=tuple(hit._replace(action="Sigkill") for hit in _KILLED),
        miss=in_turn(allowed(lambda: read(_SETTING)), allowed(lambda: use(f"{PLACE}/x"))),
    ),
    Case(
        policy="tracingpolicy/hardlink-override",
        prepare=around.place_for_links,
        refused=links,
        act=denied(lambda: link("/etc/passwd")),
        expected=(
            syscall(
                "linkat",
                *(number(_HERE), text("/etc/passwd")),
                *(number(_HERE), text(f"{around.LINKS}/link"), number(0)),
            )._replace(action="Override"),
        ),
        miss=allowed(lambda: link(around.LINKED)),
    ),
    Case(
        policy="tracingpolicy/symlink-override",
        prepare=places,
        refused=links,
        act=denied(lambda: symbolic_link("/etc/passwd")),
        expected=(
            syscall(
                "symlinkat", text("/etc/passwd"), number(_HERE), text(f"{PLACE}/link")
            )._replace(action="Override"),
        ),
        miss=allowed(lambda: symbolic_link("/etc/passwd-")),
    ),
    Case(
        policy="tracingpolicy/override-security",
        prepare=places,
        refused=functions_or_lsm,
        act=in_turn(
            denied(lambda: Path(f"{PLACE}/made").mkdir()),
            allowed(lambda: run_as(_BASH, _MKDIR)),
        ),
        expected=(
            Hit("security_inode_mkdir", action="Override"),
            Hit("security_inode_mkdir"),
        ),
        miss=allowed(lambda: os.mkfifo(f"{PLACE}/fifo")),
    ),
    Case(
        policy=_SANDBOX,
        act=killed(as_nobody(lambda: unshare(_NEW_USER))),
        expected=(Hit("create_user_ns", action="Sigkill"),),
        miss=in_turn(
            allowed(lambda: unshare(_NEW_USER)),
            denied(as_nobody(lambda: unshare(_NEW_NETWORK))),
        ),
    ),
    Case(
        policy=f"{_SANDBOX}_in_pid_namespace",
        act=as_nobody_elsewhere,
        expected=(Hit("create_user_ns", action="Sigkill"),),
        miss=allowed(as_nobody(lambda: unshare(_NEW_USER))),
    ),
    Case(
        policy="tracingpolicy/cves/cve-2023-2640-overlayfs-ubuntu",
        prepare=around.overlay,
        refused=copied_name,
        act=denied(in_turn(around.own_user_namespace, lambda: copy_up("0"))),
        expected=(
            Hit(
                "security_inode_copy_up_xattr", (text("security.capability"),), number(-1)
            )._replace(action="Override"),
        ),
        miss=allowed(lambda: copy_up("1")),
    ),
    Case(
        policy="tracingpolicy/killer",
        refused=around.without_calls_of_x86,
        values=lambda: {_BASH: around.NEVER_RUN},
        act=killed(lambda: run_as(around.NEVER_RUN, _DUPLICATE)),
        expected=(
            Hit(
                "raw_syscalls/sys_enter",
                (_CALLED,),
                action="NotifyEnforcer",
            ),
        ),
        miss=in_turn(
            allowed(lambda: run_as("/usr/bin/dash", _DUPLICATE)),
            allowed(lambda: run_as(around.NEVER_RUN, "exit 0")),
        ),
    ),
    Case(
        policy="tracingpolicy/lsm_bprm_check",
        prepare=around.testers,
        refused=lsm_and_hashes,
        act=denied(lambda: run_as(_BASH, _EXECUTE, around.TESTER)),
        expected=(
            Hit(
                "bprm_check_security",
                (executable(around.TESTER),),
                action="Override",
                is_hashed=True,
            ),
        ),
        miss=in_turn(
            denied(lambda: run_as(_BASH, _EXECUTE, around.OTHER_TESTER), _EXECUTED),
            denied(lambda: run_as("/usr/bin/cat", _EXECUTE, around.TESTER), _EXECUTED),
        ),
    ),
    Case(
        policy="tracingpolicy/lsm_file_open",
        prepare=our_passwd,
        refused=around.without_lsm,
        act=allowed(lambda: show("/etc/passwd")),
        expected=(Hit("file_open", (file("/etc/passwd"),)),),
        miss=in_turn(lambda: read("/etc/passwd"), allowed(lambda: show("/etc/passwd-seen/x"))),
    ),
)
