# SPDX-License-Identifier: Apache-2.0
"""Policies about users, groups, capabilities and namespaces."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Final

from kernel.system import unshare
from tetragon_core.hooks import ArgumentValue

from .case import Case, in_turn
from .spaces import in_pid_namespace
from .values import Hit, file, namespace, number, syscall

__all__ = ["CASES"]

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_NEW_USER: Final = 0x1000_0000
_CAPGET: Final = 125 if os.uname().machine == "x86_64" else 90
_CAPSET: Final = _CAPGET + 1
_VERSION: Final = 0x2008_0522
"""_LINUX_CAPABILITY_VERSION_3."""
_SYS_CHROOT, _NET_RAW, _CHOWN = 18, 13, 0
_NOBODY: Final = 65534
_FILE: Final = "/dev/null"
_OK: Final = number(0)


def capabilities() -> int:
    """The effective capabilities of this process, which are also its permitted ones."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":\t", 1) for line in lines)["CapEff"], 16)


def set_capabilities(effective: int, permitted: int, inheritable: int = 0) -> None:
    """capset(2)."""
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    for word in (0, 1):
        for place, mask in enumerate((effective, permitted, inheritable)):
            data[3 * word + place] = mask >> 32 * word & 0xFFFF_FFFF
    if _LIBC.syscall(_CAPSET, header, data):
        raise OSError(ctypes.get_errno(), "capset")


def drop(capability: int) -> None:
    """Give up one capability."""
    rest = capabilities() & ~(1 << capability)
    set_capabilities(rest, rest)


def bits(mask: int) -> list[int]:
    """Numbers of the capabilities in a set."""
    return [bit for bit in range(64) if mask >> bit & 1]


def user_namespace() -> dict[str, Any]:
    """The initial one."""
    inode = {"inum": namespace("user"), "is_host": True}
    return {"level": 0, "uid": 0, "gid": 0, "ns": inode}


def credentials(*, effective: int | None = None, **ids: int) -> ArgumentValue:
    """Those of root, but for some of its ids and its effective capabilities."""
    all_bits = bits(capabilities())
    names = ("uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid")
    in_effect = all_bits if effective is None else bits(effective)
    caps = {"permitted": all_bits, "effective": in_effect, "inheritable": []}
    value = {
        **dict.fromkeys(names, 0),
        **ids,
        "securebits": [],
        "caps": caps,
        "user_ns": user_namespace(),
    }
    return ArgumentValue("process_credentials_arg", value)


def open_file() -> None:
    """Open one file."""
    os.close(os.open(_FILE, os.O_RDONLY))


def installed() -> Hit:
    """Of fd_install."""
    return Hit("fd_install", (number(3), file(_FILE, "crw-rw-rw-")))


# ---- ids ----


def change_ids(user: int, group: int) -> None:
    """Every call that sets a user or a group; fsuid and fsgid do not tell of failure."""
    os.setgid(group)
    os.setregid(group, group)
    os.setresgid(group, group, group)
    _LIBC.setfsgid(group)
    os.setresuid(-1, user, user)
    os.setreuid(-1, user)
    _LIBC.setfsuid(user)


def raise_ids() -> None:
    """Each call with 0 once, and once more, which is within the minute of its rate limit."""
    for _ in range(2):
        os.setuid(0)
        os.setgid(0)
        os.setreuid(0, -1)
        os.setregid(-1, 0)
        os.setresuid(-1, 0, -1)
        os.setresgid(-1, -1, 0)
        _LIBC.setfsuid(0)
        _LIBC.setfsgid(0)


_RAISED: Final = (
    ("__sys_setuid", (0,)),
    ("__sys_setgid", (0,)),
    ("__sys_setreuid", (0, -1)),
    ("__sys_setregid", (-1, 0)),
    ("__sys_setresuid", (-1, 0, -1)),
    ("__sys_setresgid", (-1, -1, 0)),
    ("__sys_setfsuid", (0,)),
    ("__sys_setfsgid", (0,)),
)


def raised(*, returns: bool) -> tuple[Hit, ...]:
    """What `raise_ids` is to report."""
    result = _OK if returns else None
    return tuple(Hit(name, tuple(map(number, ids)), result) for name, ids in _RAISED)


def raise_all() -> None:
    """Set capabilities, ids, and make a user namespace without any privilege."""
    everything = capabilities()
    set_capabilities(everything, everything)
    raise_ids()
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _LIBC.unshare(_NEW_USER)


def all_raised() -> tuple[Hit, ...]:
    """What `raise_all` is to report."""
    mask = f"{capabilities():016x}"
    sets = (
        ArgumentValue("cap_effective_arg", mask),
        ArgumentValue("cap_inheritable_arg", f"{0:016x}"),
        ArgumentValue("cap_permitted_arg", mask),
    )
    return (
        Hit("security_capset", (credentials(), *sets)),
        *raised(returns=False),
        Hit("create_user_ns"),
    )


def all_syscalls() -> None:
    """The calls as system calls, without effect."""
    os.setuid(0)
    os.setgid(0)
    os.setreuid(0, -1)
    os.setregid(-1, 0)
    os.setresuid(-1, 0, -1)
    os.setresgid(-1, -1, 0)
    _LIBC.setfsuid(0)
    _LIBC.setfsgid(0)


def override() -> None:
    """access(2) uses the real ids, so it needs other credentials than those in effect."""
    os.setresuid(_NOBODY, 0, 0)
    os.access("/dev/null", os.R_OK)


CASES: Final = (
    Case(
        policy="policylibrary/privileges/privileges-setuid-root",
        act=raise_ids,
        expected=raised(returns=True),
        miss=lambda: change_ids(_NOBODY, _NOBODY),
    ),
    Case(
        policy="policylibrary/privileges/privileges-raise",
        act=raise_all,
        expected=all_raised,
        miss=in_turn(lambda: set_capabilities(0, 0), lambda: _LIBC.setfsuid(_NOBODY)),
    ),
    Case(
        policy="tracingpolicy/kprobe_commit_creds",
        act=lambda: os.setresgid(-1, 77, -1),
        expected=lambda: (Hit("commit_creds", (credentials(egid=77, fsgid=77),)),),
        miss=os.getgroups,
    ),
    Case(
        policy="tracingpolicy/process-credentials/process-creds-installed",
        act=lambda: in_pid_namespace(in_turn(lambda: os.setgid(77), lambda: os.setgid(77))),
        expected=lambda: (Hit("commit_creds", (credentials(gid=77, egid=77, sgid=77, fsgid=77),)),),
        miss=lambda: os.setgid(77),
    ),
    Case(
        policy="tracingpolicy/process-credentials/process-creds-changed",
        act=override,
        expected=lambda: (
            Hit("override_creds", (credentials(effective=0, uid=_NOBODY, fsuid=_NOBODY),)),
            Hit("revert_creds", (credentials(uid=_NOBODY),)),
        ),
        some=True,  # a root that is an overlay uses other credentials as well
        miss=lambda: os.setgid(77),
    ),
    Case(
        policy="tracingpolicy/process-credentials/process.credentials.changes.at.syscalls",
        act=lambda: in_pid_namespace(all_syscalls),
        expected=tuple(
            syscall(name.removeprefix("__sys_"), *map(number, ids)) for name, ids in _RAISED
        ),
        miss=all_syscalls,
    ),
    Case(
        policy="tracingpolicy/process-credentials/creds-capability-usage",
        act=lambda: in_pid_namespace(lambda: os.chroot("/")),
        expected=lambda: (
            Hit(
                "cap_capable",
                (
                    ArgumentValue("user_ns_arg", user_namespace()),
                    ArgumentValue(
                        "capability_arg", {"value": _SYS_CHROOT, "name": "CAP_SYS_CHROOT"}
                    ),
                ),
                _OK,
            ),
        ),
        some=True,
        miss=lambda: os.chroot("/"),
    ),
    Case(
        policy="tracingpolicy/fd_install_caps",
        act=in_turn(lambda: unshare(_NEW_USER), open_file),
        expected=(installed(),),
        miss=open_file,
    ),
    Case(
        policy="tracingpolicy/fd_install_cap_changes",
        act=in_turn(lambda: unshare(_NEW_USER), lambda: drop(_NET_RAW), open_file),
        expected=(installed(),),
        miss=in_turn(open_file, lambda: unshare(_NEW_USER), lambda: drop(_CHOWN), open_file),
    ),
    Case(
        policy="tracingpolicy/fd_install_ns",
        values=lambda: {"'4026531834'": f"'{namespace('mnt')}'"},
        act=open_file,
        expected=(installed(),),
        miss=lambda: in_pid_namespace(open_file),
    ),
    Case(
        policy="tracingpolicy/fd_install_ns_host",
        act=open_file,
        expected=(installed(),),
        miss=lambda: in_pid_namespace(open_file),
    ),
)
