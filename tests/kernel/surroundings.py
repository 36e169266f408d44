# SPDX-License-Identifier: Apache-2.0
"""What the forbidden acts need around them, and why a kernel cannot have a policy."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.system import MS_BIND, mount, private_mounts, unshare
from kernel.triggers.places import PLACE, filled, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.facts import Kernel

MANY: Final = 1000
NEVER_RUN: Final = "/usr/bin/pinky"
"""A program that nothing on this machine runs while it is watched, unlike a shell."""
LINKS: Final = "/etc/seen-links"
LINKED: Final = "/etc/passwd-seen"
TESTER: Final = f"{PLACE}/contrib/tester-progs/nop"
OTHER_TESTER: Final = f"{TESTER}-other"
_LAYERS: Final = Path("/run/seen-layers")
MERGED: Final = f"{_LAYERS}/merged"
UPPER: Final = f"{_LAYERS}/upper"
_ADDRESSES: Final = ("10.9.9.1", "192.0.2.1", "192.168.1.1")
_NOBODY: Final = 65534
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
_SET_FLAGS, _SET_ADDRESS, _UP = 0x8914, 0x8916, 1
_CAPABILITY: Final = struct.pack("<5I", 0x0200_0001, 1 << 13, 0, 0, 0)
"""CAP_NET_RAW, effective: struct vfs_cap_data."""


# ---- files ----


@contextmanager
def sensitive_files() -> Iterator[None]:
    """As the policy calls them, and one that nobody cares about; many that can be cut."""
    others: dict[str, tuple[str, ...]] = {"/etc/shadow-seen": ("key",), "/etc/seen": ("setting",)}
    others |= {f"{one}/seen-cut": tuple(map(str, range(MANY // 4))) for one in ("/etc", "/run")}
    with places("x", others=others):
        yield


@contextmanager
def place_for_links() -> Iterator[None]:
    """A file, and a directory of the same file system as /etc/passwd."""
    place, linked = Path(LINKS), Path(LINKED)
    place.mkdir()
    try:
        linked.write_text("seen\n")
        yield
    finally:
        for name in (linked, *place.iterdir()):
            name.unlink()
        place.rmdir()


@contextmanager
def testers() -> Iterator[None]:
    """Two programs that are none: to execute them fails, for another reason than the policy's."""
    with places():
        Path(TESTER).parent.mkdir(parents=True)
        for name in (TESTER, OTHER_TESTER):
            Path(name).write_text("seen\n")
            Path(name).chmod(0o755)
        yield


@contextmanager
def overlay() -> Iterator[None]:
    """An overlay whose lower layer has files with capabilities."""
    with ExitStack() as stack:
        stack.enter_context(filled(str(_LAYERS)))
        for name in ("lower", "upper", "work", "merged"):
            (_LAYERS / name).mkdir(mode=0o755)
        for number in range(2 * MANY):
            file = _LAYERS / "lower" / str(number)
            file.write_bytes(b"")
            os.setxattr(file, "security.capability", _CAPABILITY)
        layers = ",".join(f"{one}dir={_LAYERS}/{one}" for one in ("lower", "upper", "work"))
        mount("seen", MERGED, "overlay", options=layers)
        yield


# ---- processes ----


def own_network() -> None:
    """A network namespace with nothing but a loopback of several addresses."""
    unshare(_CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.pack("<16sh14x", b"lo", _UP)
        fcntl.ioctl(control, _SET_FLAGS, flags)
        for number, address in enumerate(_ADDRESSES):
            packed = struct.pack(
                "<16sHH4s16x", b"lo:%d" % number, socket.AF_INET, 0, socket.inet_aton(address)
            )
            fcntl.ioctl(control, _SET_ADDRESS, packed)


def own_user_namespace() -> None:
    """A user namespace with the same root."""
    uid, gid = os.getuid(), os.getgid()
    unshare(_CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def without_privileges() -> None:
    """Nobody."""
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def without_privileges_in_pid_namespace() -> None:
    """Nobody, whose children will be in a pid namespace whose first process lives as long as it."""
    unshare(_CLONE_NEWPID)
    reader, writer = os.pipe()
    if not os.fork():
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    os.set_inheritable(writer, True)  # noqa: FBT003  it is the function's only argument
    without_privileges()


def seen_as(program: str, workload: Path) -> None:
    """Put the workload in the place of a program, for this process only."""
    private_mounts()
    mount(workload, program, "none", MS_BIND)


# ---- kernels ----


def without_calls_of_x86(kernel: Kernel) -> str:
    """Why a policy that names dup2, or calls of 32-bit programs of x86, is refused elsewhere."""
    return "" if kernel.arch == "x86_64" else "has sys_dup2, which is no system call"


def without_functions(kernel: Kernel) -> str:
    """Functions cannot be attached to."""
    abilities = kernel.abilities
    return "" if abilities.can_fentry or abilities.can_kprobe else "no way to attach to"


def without_lsm(kernel: Kernel) -> str:
    """No BPF among the security modules."""
    return "" if kernel.abilities.can_lsm else "lsmhooks are not possible here"


def without_denials(kernel: Kernel) -> str:
    """Security functions can be denied in no way."""
    abilities = kernel.abilities
    return "" if abilities.can_lsm or abilities.can_fmod_ret else "cannot be denied here"


def without_hashes(kernel: Kernel) -> str:
    """No BPF among the security modules, or none that can ask for the hash of a file."""
    return without_lsm(kernel) or ("" if kernel.version >= (5, 18) else "imaHash is not possible")


def without_denied_calls(kernel: Kernel) -> str:
    """Links can be denied neither by their system calls nor inside."""
    abilities = kernel.abilities
    can = abilities.can_lsm or abilities.can_modify("__x64_sys_linkat")
    return "" if can else "cannot be denied here"


def without_copied_name(kernel: Kernel) -> str:
    """Since 6.10 the name is the second argument."""
    function = kernel.btf.find_function("security_inode_copy_up_xattr")
    if reason := without_denials(kernel):
        return reason
    is_first = function is not None and len(function.parameters) == 1
    return "" if is_first else "type string does not fit argument 0"
