# SPDX-License-Identifier: Apache-2.0
"""Credentials and capabilities, and which of them an exec has raised."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.recorder import ROOT_FLAGS
from kernel.system import (
    MS_BIND,
    MS_NOSUID,
    MS_REMOUNT,
    PR_SET_NO_NEW_PRIVS,
    mount,
    private_mounts,
    set_process_option,
)
from tetragon_core.messages import Capabilities, Credentials, ExecFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.recorder import Recorder
    from tetragon_core.messages import ExecMessage

USER: Final = 1000
CAP_NET_RAW: Final = 13
CAP_KILL: Final = 5
RAISED: Final = ExecFlag.SETUID | ExecFlag.SETGID | ExecFlag.FILE_CAPS


def become_user() -> None:
    """Real, effective and saved ids of an ordinary user, with one group."""
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)


def ids(message: ExecMessage) -> tuple[int, int, int, int]:
    """(uid, gid, euid, egid)."""
    uid, gid, euid, egid, *_ = message.credentials
    return uid, gid, euid, egid


@pytest.fixture
def finish(workload: Path) -> Iterator[Path]:
    """A private copy of a program that any user may run."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = Path(shutil.copy(workload / "finish", name)).resolve()
        path.chmod(0o755)
        yield path


def allow(path: Path, *, mode: int = 0o755, owner: int = 0, group: int = 0) -> None:
    """Set owner, then mode, which a change of owner would reset."""
    os.chown(path, owner, group)
    path.chmod(mode)


def give_capabilities(path: Path, permitted: int, *, effective: bool) -> None:
    """File capabilities: struct vfs_cap_data, revision 2."""
    revision = 0x0200_0000 | effective
    value = struct.pack("<5I", revision, permitted & 0xFFFF_FFFF, 0, permitted >> 32, 0)
    os.setxattr(path, "security.capability", value)


def test_ordinary_user(recorder: Recorder, finish: Path) -> None:
    """No privileges, none raised."""
    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert Credentials._make([USER] * 8 + [0]) == message.credentials
    assert Capabilities(0, 0, 0) == message.capabilities
    assert ROOT_FLAGS == message.flags


def test_setuid(recorder: Recorder, finish: Path) -> None:
    """A set-user-ID program of root, run by a user: effective ids and capabilities of root."""
    allow(finish, mode=0o4755)

    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert Credentials(USER, USER, 0, USER, 0, USER, 0, USER, 0) == message.credentials
    assert message.capabilities.effective
    assert message.capabilities.permitted == message.capabilities.effective
    assert ROOT_FLAGS | ExecFlag.SETUID == message.flags


def test_setgid(recorder: Recorder, finish: Path) -> None:
    """A set-group-ID program: the group only."""
    allow(finish, mode=0o2755, group=7)

    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert (USER, USER, USER, 7) == ids(message)
    assert ROOT_FLAGS | ExecFlag.SETGID == message.flags


def test_both(recorder: Recorder, finish: Path) -> None:
    """Both bits."""
    allow(finish, mode=0o6755, owner=3, group=7)

    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert (USER, USER, 3, 7) == ids(message)
    assert ROOT_FLAGS | ExecFlag.SETUID | ExecFlag.SETGID == message.flags


def test_setuid_to_oneself(recorder: Recorder, finish: Path) -> None:
    """The bit on a file of the user who runs it changes nothing."""
    allow(finish, mode=0o4755, owner=USER)

    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert ((USER, USER, USER, USER), ROOT_FLAGS) == (ids(message), message.flags)


def test_set_group_id_without_execute(recorder: Recorder, finish: Path) -> None:
    """Without the group's execute bit the set-group-ID bit means locking, not privilege."""
    allow(finish, mode=0o2745, group=7)

    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert ((USER, USER, USER, USER), ROOT_FLAGS) == (ids(message), message.flags)


def test_root_runs_setuid_of_root(recorder: Recorder, finish: Path) -> None:
    """Root gains nothing."""
    allow(finish, mode=0o6755)

    message = recorder.run([str(finish)]).only_exec

    assert ((0, 0, 0, 0), ROOT_FLAGS) == (ids(message), message.flags)


@pytest.mark.parametrize("effective", [True, False])
def test_file_capabilities(recorder: Recorder, finish: Path, *, effective: bool) -> None:
    """Capabilities of the file: permitted, and effective when the file says so."""
    wanted = 1 << CAP_NET_RAW | 1 << CAP_KILL
    give_capabilities(finish, wanted, effective=effective)

    message = recorder.run([str(finish)], prepare=become_user).only_exec

    assert Capabilities(wanted, wanted if effective else 0, 0) == message.capabilities
    assert (USER, USER, USER, USER) == ids(message)
    assert ROOT_FLAGS | ExecFlag.FILE_CAPS == message.flags


def without_new_privileges() -> None:
    set_process_option(PR_SET_NO_NEW_PRIVS, 1)


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_no_new_privileges(recorder: Recorder, finish: Path, mode: int) -> None:
    """A process that gave up privileges for good: the bits have no effect, so no flag."""
    allow(finish, mode=mode, group=7)

    def prepare() -> None:
        become_user()
        without_new_privileges()

    message = recorder.run([str(finish)], prepare=prepare).only_exec

    assert ((USER, USER, USER, USER), ROOT_FLAGS) == (ids(message), message.flags)


def on_mount_without_setuid(path: Path) -> Callable[[], None]:
    def prepare() -> None:
        private_mounts()
        mount(path.parent, path.parent, "none", MS_BIND)
        mount("none", path.parent, "none", MS_BIND | MS_REMOUNT | MS_NOSUID)
        become_user()

    return prepare


def test_mount_without_setuid(recorder: Recorder, finish: Path) -> None:
    """On a nosuid mount: no effect, no flag."""
    allow(finish, mode=0o6755, group=7)

    message = recorder.run([str(finish)], prepare=on_mount_without_setuid(finish)).only_exec

    assert ((USER, USER, USER, USER), ROOT_FLAGS) == (ids(message), message.flags)


def test_mount_without_file_capabilities(recorder: Recorder, finish: Path) -> None:
    """File capabilities neither."""
    give_capabilities(finish, 1 << CAP_NET_RAW, effective=True)

    message = recorder.run([str(finish)], prepare=on_mount_without_setuid(finish)).only_exec

    assert Capabilities(0, 0, 0) == message.capabilities
    assert ROOT_FLAGS == message.flags


def test_setuid_script(recorder: Recorder, finish: Path) -> None:
    """The bits of a script count for nothing; those of its interpreter do."""
    script = finish.with_name("script")
    script.write_text(f"#!{finish}\n")
    allow(script, mode=0o6755, group=7)

    message = recorder.run([str(script)], prepare=become_user).only_exec

    assert ((USER, USER, USER, USER), ROOT_FLAGS) == (ids(message), message.flags)
    allow(finish, mode=0o4755, owner=3)
    message = recorder.run([str(script)], prepare=become_user).only_exec
    assert (USER, USER, 3, USER) == ids(message)
    assert ROOT_FLAGS | ExecFlag.SETUID == message.flags


def test_raised_before_is_not_raised_again(recorder: Recorder, finish: Path) -> None:
    """An ordinary program run with ids that an earlier program raised has no flag."""

    def prepare() -> None:
        os.setgroups([])
        os.setresgid(USER, 7, 7)
        os.setresuid(USER, 3, 3)

    message = recorder.run([str(finish)], prepare=prepare).only_exec

    assert (USER, USER, 3, 7) == ids(message)
    assert not message.flags & RAISED
