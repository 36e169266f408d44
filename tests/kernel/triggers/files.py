# SPDX-License-Identifier: Apache-2.0
"""Policies about files: opened, read, written, mapped, cut, linked."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue

from .case import Case, in_turn
from .places import PLACE, bound, filled, places
from .values import Hit, file, number, path, size, syscall, text, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CASES"]

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_HERE: Final = -100
"""AT_FDCWD."""
_NOWHERE: Final = b"/dev/null/seen"
"""Nothing can be made there."""
_MAY_READ, _MAY_WRITE = 4, 2
_OK: Final = number(0)


def use(name: str, *, flags: int = os.O_RDWR) -> None:
    """Read, write, map and cut a file."""
    fd = os.open(name, flags)
    os.read(fd, 4)
    os.write(fd, b"seen")
    os.lseek(fd, 0, os.SEEK_SET)
    with mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE):
        pass
    with mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ):
        pass
    with mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE):
        pass
    os.close(fd)
    os.truncate(name, 4096)


def read(name: str) -> None:
    """Read the start of a file."""
    fd = os.open(name, os.O_RDONLY)
    os.read(fd, 4)
    os.close(fd)


def permission(name: str, mask: int) -> Hit:
    """Of security_file_permission."""
    return Hit("security_file_permission", (file(name), number(mask)), _OK)


def mapped(name: str, protection: int, *flags: int) -> Hit:
    """Of security_mmap_file."""
    arguments = (file(name), unsigned(protection), *map(unsigned, flags))
    return Hit("security_mmap_file", arguments, _OK)


def cut(name: str) -> Hit:
    """Of security_path_truncate."""
    return Hit("security_path_truncate", (path(name),), _OK)


_READ_ONLY, _READ_WRITE = mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE


# ---- monitoring of sensitive files ----

_SECRET: Final = "/etc/shadow-seen/key"
_SETTING: Final = "/etc/seen/setting"
_SHELL: Final = f"{PLACE}/.bashrc"


@contextmanager
def sensitive_files() -> Iterator[None]:
    """One below /etc/shadow, one below /etc, one that is sensitive by its name, one that is not."""
    others = {"/etc/shadow-seen": ("key",), "/etc/seen": ("setting",)}
    with places(".bashrc", "x", others=others):
        yield


def use_sensitive_files() -> None:
    """Everything with the secret, some with the others."""
    use(_SECRET)
    use(_SETTING)
    use(_SHELL)


_SENSITIVE: Final = (
    permission(_SECRET, _MAY_READ),
    permission(_SECRET, _MAY_WRITE),
    mapped(_SECRET, _READ_WRITE, mmap.MAP_SHARED),
    mapped(_SECRET, _READ_ONLY, mmap.MAP_SHARED),
    cut(_SECRET),
    permission(_SETTING, _MAY_WRITE),
    mapped(_SETTING, _READ_WRITE, mmap.MAP_SHARED),
    cut(_SETTING),
    permission(_SHELL, _MAY_READ),
)


# ---- all below /etc, and one file ----

_ALL_USES: Final = (
    permission(_SETTING, _MAY_READ),
    permission(_SETTING, _MAY_WRITE),
    *(mapped(_SETTING, each) for each in (_READ_WRITE, _READ_ONLY, _READ_WRITE)),
    cut(_SETTING),
)


@contextmanager
def one_setting() -> Iterator[None]:
    """A file below /etc and one elsewhere."""
    with places("x", others={"/etc/seen": ("setting",)}):
        yield


@contextmanager
def our_passwd() -> Iterator[None]:
    """A file of ours in the place of /etc/passwd, and one beside it."""
    with ExitStack() as stack:
        stack.enter_context(places("passwd"))
        stack.enter_context(filled("/etc/passwd-seen", "x"))
        stack.enter_context(bound(f"{PLACE}/passwd", "/etc/passwd"))
        yield


_PASSWD_USES: Final = (
    permission("/etc/passwd", _MAY_WRITE),
    mapped("/etc/passwd", _READ_WRITE),
    mapped("/etc/passwd", _READ_WRITE),
    cut("/etc/passwd"),
)


def read_passwd() -> None:
    """Only read it; write to another."""
    read("/etc/passwd")
    use("/etc/passwd-seen/x")


# ---- system calls ----


def open_for_writing() -> None:
    """Open /etc/passwd in both ways that write."""
    for flags in (os.O_RDWR, os.O_WRONLY):
        os.close(os.open("/etc/passwd", flags))


def open_otherwise() -> None:
    """Only to read; another file; and without success."""
    os.close(os.open("/etc/passwd", os.O_RDONLY))
    os.close(os.open("/dev/null", os.O_RDWR))
    assert _LIBC.openat(_HERE, b"/etc/passwd/", os.O_RDWR) == -1


def opened(flags: int) -> Hit:
    """Of openat; Python opens everything with O_CLOEXEC."""
    arguments = (number(_HERE), text("/etc/passwd"), number(flags | os.O_CLOEXEC))
    return syscall("openat", *arguments, result=number(3))


def hard_link(name: bytes) -> None:
    """Try to make a link where none can be."""
    assert _LIBC.linkat(_HERE, name, _HERE, _NOWHERE, 0) == -1


def symbolic_link(name: bytes) -> None:
    """Try to make a link where none can be."""
    assert _LIBC.symlinkat(name, _HERE, _NOWHERE) == -1


def write_to(fd: int) -> None:
    """Five bytes with a NUL to a descriptor."""
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, fd)
    os.write(fd, b"se\0en")


@contextmanager
def linked_file() -> Iterator[None]:
    """A file and a symbolic link to it."""
    with places("x"):
        Path(f"{PLACE}/link").symlink_to("x")
        yield


CASES: Final = (
    *(
        Case(
            policy=policy,
            prepare=sensitive_files,
            act=use_sensitive_files,
            expected=_SENSITIVE,
            miss=in_turn(lambda: read(_SETTING), lambda: use(f"{PLACE}/x")),
        )
        for policy in ("quickstart/file_monitoring",)
    ),
    Case(
        policy="tracingpolicy/filename_monitoring",
        prepare=one_setting,
        act=lambda: use(_SETTING),
        expected=_ALL_USES,
        miss=lambda: use(f"{PLACE}/x"),
    ),
    Case(
        policy="tracingpolicy/filename_monitoring_filtered",
        prepare=our_passwd,
        act=lambda: use("/etc/passwd"),
        expected=_PASSWD_USES,
        miss=read_passwd,
    ),
    Case(
        policy="tracingpolicy/openat_write",
        act=open_for_writing,
        expected=(opened(os.O_RDWR), opened(os.O_WRONLY)),
        miss=open_otherwise,
    ),
    Case(
        policy="tracingpolicy/hardlink-observe",
        act=lambda: hard_link(b"/etc/passwd"),
        expected=(
            syscall(
                "linkat",
                *(number(_HERE), text("/etc/passwd")),
                *(number(_HERE), text(_NOWHERE.decode()), number(0)),
            ),
        ),
        miss=lambda: hard_link(b"/etc/passwd-"),
    ),
    Case(
        policy="tracingpolicy/symlink-observe",
        act=lambda: symbolic_link(b"/etc/passwd"),
        expected=(
            syscall("symlinkat", text("/etc/passwd"), number(_HERE), text(_NOWHERE.decode())),
        ),
        miss=lambda: symbolic_link(b"/etc/passwd-"),
    ),
    Case(
        policy="tracingpolicy/write",
        act=lambda: write_to(1),
        expected=(syscall("write", number(1), ArgumentValue("bytes_arg", b"se\0en"), size(5)),),
        miss=lambda: write_to(4),
    ),
    Case(
        policy="tracingpolicy/security_inode_follow_link",
        prepare=linked_file,
        act=lambda: read(f"{PLACE}/link"),
        expected=(Hit("security_inode_follow_link", (path("/link", "lrwxrwxrwx"),)),),
        miss=in_turn(lambda: read(f"{PLACE}/x"), lambda: Path(f"{PLACE}/link").readlink()),
    ),
)
