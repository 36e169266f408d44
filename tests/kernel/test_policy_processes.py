# SPDX-License-Identifier: Apache-2.0
"""Filters on what a process has: pid, namespaces, capabilities, and what of it has changed."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.policies import start
from kernel.seeking import policy, seek

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.policies import PolicyRun

_NEW_UTS: Final = 0x0400_0000
_NEW_USER: Final = 0x1000_0000
_NEW_PID: Final = 0x2000_0000
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CAPABILITY_VERSION: Final = 0x2008_0522
_SYS_TIME: Final = 25


def fork_and_wait(action: Callable[[], object]) -> None:
    """Run `action` in a child and wait for its end."""
    os.waitpid(start(action), 0)


def unshare(what: int) -> None:
    """A namespace of its own for this process, or for its children."""
    assert _LIBC.unshare(what) == 0, os.strerror(ctypes.get_errno())


def drop_sys_time() -> None:
    """Take CAP_SYS_TIME out of the effective set."""
    header = ctypes.create_string_buffer(struct.pack("<II", _CAPABILITY_VERSION, 0))
    sets = ctypes.create_string_buffer(24)
    assert _LIBC.capget(header, sets) == 0
    effective = int.from_bytes(sets.raw[:4], "little") & ~(1 << _SYS_TIME)
    sets = ctypes.create_string_buffer(effective.to_bytes(4, "little") + sets.raw[4:])
    assert _LIBC.capset(header, sets) == 0, os.strerror(ctypes.get_errno())


def pids(operator: str, *values: int, more: str = "") -> str:
    """A policy that looks at pids."""
    return policy(f"matchPIDs: [{{operator: {operator}, values: {list(values)}{more}}}]")


def test_pids(run: PolicyRun) -> None:
    """MatchPIDs looks at the process, with followForks at those it descends from as well."""
    me = os.getpid()

    assert 0 == len(run.hits(pids("In", me), seek))
    assert 1 == len(run.hits(pids("NotIn", me), seek))
    assert 1 == len(run.hits(pids("In", me, more=", followForks: true"), seek))
    assert 0 == len(run.hits(pids("NotIn", me, more=", followForks: true"), seek))


@pytest.mark.parametrize(
    ("operator", "values", "wanted"),
    [("In", [1], 1), ("In", [0], 1), ("NotIn", [0], 1), ("NotIn", [0, 1], 0), ("In", [0, 1], 2)],
)
def test_pids_in_a_namespace(run: PolicyRun, operator: str, values: list[int], wanted: int) -> None:
    """With isNamespacePID it is the pid in the process's own namespace, 0 in the host's."""

    def seek_outside_and_inside() -> None:
        seek()
        unshare(_NEW_PID)
        fork_and_wait(seek)

    with run.loaded(pids(operator, *values, more=", isNamespacePID: true")):
        hits = run.hits_until_exit(start(seek_outside_and_inside), of_all=True)

    assert wanted == len(hits)


def namespaces(operator: str, *values: object) -> str:
    """A policy that looks at the UTS namespace."""
    texts = [str(value) for value in values]
    return policy(f"matchNamespaces: [{{namespace: Uts, operator: {operator}, values: {texts}}}]")


def test_namespaces(run: PolicyRun) -> None:
    """host_ns is the namespace of pid 1, a number is any namespace's inode."""
    number = Path("/proc/self/ns/uts").stat().st_ino

    def unshare_and_seek() -> None:
        unshare(_NEW_UTS)
        seek()

    assert 1 == len(run.hits(namespaces("In", "host_ns"), seek))
    assert 0 == len(run.hits(namespaces("NotIn", "host_ns"), seek))
    assert 1 == len(run.hits(namespaces("In", 1, number), seek))
    assert 0 == len(run.hits(namespaces("In", "host_ns"), unshare_and_seek))
    assert 1 == len(run.hits(namespaces("NotIn", number), unshare_and_seek))


def capabilities(operator: str, *names: str, more: str = "", key: str = "Capabilities") -> str:
    """A policy that looks at capabilities, or at their changes."""
    return policy(f"match{key}: [{{operator: {operator}, values: {list(names)}{more}}}]")


def test_capabilities(run: PolicyRun) -> None:
    """In: one of these is in the set, NotIn: none is."""

    def drop_and_seek() -> None:
        drop_sys_time()
        seek()

    assert 1 == len(run.hits(capabilities("In", "CAP_SYS_TIME"), seek))
    assert 0 == len(run.hits(capabilities("NotIn", "CAP_SYS_TIME", "CAP_CHOWN"), seek))
    assert 0 == len(run.hits(capabilities("In", "CAP_SYS_TIME"), drop_and_seek))
    assert 1 == len(run.hits(capabilities("In", "CAP_SYS_TIME", "CAP_CHOWN"), drop_and_seek))
    assert 1 == len(run.hits(capabilities("NotIn", "CAP_SYS_TIME"), drop_and_seek))
    permitted = capabilities("In", "CAP_SYS_TIME", more=", type: Permitted")
    assert 1 == len(run.hits(permitted, drop_and_seek))


def test_capabilities_in_a_user_namespace(run: PolicyRun) -> None:
    """With isNamespaceCapability only processes in other user namespaces than the host's count."""

    def unshare_and_seek() -> None:
        seek()
        unshare(_NEW_USER)
        seek()

    inside = ", isNamespaceCapability: true"

    assert 2 == len(run.hits(capabilities("In", "CAP_CHOWN"), unshare_and_seek))
    assert 1 == len(run.hits(capabilities("In", "CAP_CHOWN", more=inside), unshare_and_seek))


def namespace_changes(operator: str, *names: str) -> str:
    """A policy that looks at changes of namespaces."""
    return policy(f"matchNamespaceChanges: [{{operator: {operator}, values: {list(names)}}}]")


def test_changed_namespaces(run: PolicyRun) -> None:
    """A namespace that was left since exec or fork is noticed once."""

    def unshare_and_seek() -> None:
        seek()
        unshare(_NEW_UTS)
        seek()
        seek()
        fork_and_wait(seek)

    assert 1 == len(run.hits(namespace_changes("In", "Uts", "Net"), unshare_and_seek))
    assert 0 == len(run.hits(namespace_changes("In", "Net"), unshare_and_seek))
    assert 0 == len(run.hits(namespace_changes("NotIn", "Uts"), unshare_and_seek))
    assert 1 == len(run.hits(namespace_changes("NotIn", "Net"), unshare_and_seek))


def test_changes_are_noticed_when_all_else_holds(run: PolicyRun) -> None:
    """A change stays to be noticed as long as another filter does not hold."""

    def unshare_and_seek() -> None:
        unshare(_NEW_UTS)
        fd = os.open("/proc/self/exe", os.O_RDONLY)
        os.lseek(fd, 1, os.SEEK_SET)
        seek()

    assert 1 == len(run.hits(namespace_changes("In", "Uts"), unshare_and_seek))


def test_changes_of_an_older_process(run: PolicyRun) -> None:
    """Of a process that was there before the policy changes since then are noticed."""
    reader, writer = os.pipe()

    def wait_unshare_and_seek() -> None:
        os.close(writer)
        os.read(reader, 1)
        unshare(_NEW_UTS)
        seek()

    pid = start(wait_unshare_and_seek)
    with run.loaded(namespace_changes("In", "Uts")):
        os.close(writer)
        hits = run.hits_until_exit(pid)
    os.close(reader)

    assert 1 == len(hits)


def test_changed_capabilities(run: PolicyRun) -> None:
    """In: one of these was gained or lost, NotIn: another one was."""

    def drop_and_seek() -> None:
        seek()
        drop_sys_time()
        seek()
        seek()

    def hits(operator: str, name: str, more: str = "") -> int:
        text = capabilities(operator, name, more=more, key="CapabilityChanges")
        return len(run.hits(text, drop_and_seek))

    assert 1 == hits("In", "CAP_SYS_TIME")
    assert 0 == hits("In", "CAP_CHOWN")
    assert 0 == hits("NotIn", "CAP_SYS_TIME")
    assert 1 == hits("NotIn", "CAP_CHOWN")
    assert 0 == hits("In", "CAP_SYS_TIME", ", type: Permitted")
