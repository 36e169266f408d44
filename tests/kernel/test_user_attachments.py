# SPDX-License-Identifier: Apache-2.0
"""A program at a place of a file runs exactly when it should, and is gone when closed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.descriptors import nothing_leaks
from kernel.policies import start
from tetragon_core.errors import LoadError
from tetragon_sensors.bcc.symbols import find_symbol
from tetragon_sensors.kernel.abilities import Abilities
from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.kernel.calls import AttachKind, close_fd
from tetragon_sensors.kernel.programs import ProgramKind, load_program, open_run_statistics
from tetragon_sensors.kernel.user_attachments import attach_uprobe, attach_uprobe_multi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.programs import Program

RETURN_0: Final = bytes.fromhex("b700000000000000 9500000000000000")
RUNS: Final = 5
REPEATED: Final = 10
LIBC: Final = next(
    line.split()[-1]
    for line in Path("/proc/self/maps").read_text().splitlines()
    if line.endswith("/libc.so.6")
)
PLACE: Final = find_symbol(LIBC, "getsid") or 0
"""Runs when this process calls os.getsid(), which hardly any other process does meanwhile."""
OTHER_PLACE: Final = find_symbol(LIBC, "getpgid") or 0
WAYS: Final[dict[str, Callable[[Program, int], Attachment]]] = {
    "uprobe": lambda program, pid: attach_uprobe(program, LIBC, PLACE, pid=pid or -1),
    "uretprobe": lambda program, pid: attach_uprobe(
        program, LIBC, PLACE, on_return=True, pid=pid or -1
    ),
    "uprobe.multi": lambda program, pid: attach_uprobe_multi(
        program, LIBC, [PLACE, OTHER_PLACE], cookies=[7, 8], pid=pid
    ),
    "uretprobe.multi": lambda program, pid: attach_uprobe_multi(
        program, LIBC, [PLACE], on_return=True, pid=pid
    ),
}

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


@pytest.fixture(scope="module")
def abilities() -> Abilities:
    """What this kernel allows."""
    return Abilities(Btf.vmlinux())


def load(method: str) -> Program:
    """A program that does nothing."""
    attach = AttachKind.UPROBE_MULTI if method.endswith("multi") else AttachKind.NONE
    return load_program(ProgramKind.KPROBE, RETURN_0, name="test", expected_attach_type=attach)


@contextmanager
def counting() -> Iterator[None]:
    """Let the kernel count runs."""
    fd = open_run_statistics()
    try:
        yield
    finally:
        close_fd(fd)


def is_refused(method: str, abilities: Abilities) -> bool:
    """Whether the kernel has no such method; then the attempt fails."""
    if not method.endswith("multi") or abilities.can_uprobe_multi:
        return False
    with load(method) as program, pytest.raises(LoadError):
        WAYS[method](program, 0)
    return True


@pytest.mark.parametrize("pid", [0, os.getpid()], ids=["all", "one"])
@pytest.mark.parametrize("method", WAYS)
def test_runs(method: str, pid: int, abilities: Abilities) -> None:
    """It runs once for each call while it is attached, in every process or only in one."""
    if is_refused(method, abilities):
        return

    with counting(), load(method) as program:
        with WAYS[method](program, pid) as attachment:
            for _ in range(RUNS):
                os.getsid(0)
            child = start(lambda: os.getsid(0))
            assert 0 == os.waitpid(child, 0)[1]
            during = program.info().run_count
        os.getsid(0)

        assert method == attachment.method
        assert during == RUNS + (not pid)
        assert during == program.info().run_count


@pytest.mark.parametrize("method", WAYS)
def test_repeated(method: str, abilities: Abilities) -> None:
    """Many attachments one after the other, and one that outlives its program, leave nothing."""
    if is_refused(method, abilities):
        return
    for _ in range(REPEATED):
        with load(method) as program:
            attachment = WAYS[method](program, 0)
        os.getsid(0)
        attachment.close()
        attachment.close()


@pytest.mark.parametrize(
    ("path", "offset", "reason"),
    [
        ("/nowhere", 0, "no such file"),
        (LIBC, 1 << 40, "behind its end"),
        ("/", 0, "no regular file"),
    ],
)
def test_no_place(path: str, offset: int, reason: str) -> None:
    """The error for a place that is not there names it as it is shown to users, and says why."""
    with load("uprobe") as program, pytest.raises(LoadError, match=f"by uprobe to it: .*{reason}"):
        attach_uprobe(program, path, offset, shown="it")


def test_counter(tmp_path: Path) -> None:
    """A reference counter that another probe of the same place does not have is refused."""
    path = tmp_path / "file"
    path.write_bytes(bytes(4096))
    with (
        load("uprobe") as program,
        attach_uprobe(program, str(path), 8, ref_ctr_offset=16),
        pytest.raises(LoadError, match="reference counter"),
    ):
        attach_uprobe(program, str(path), 8, ref_ctr_offset=32)
