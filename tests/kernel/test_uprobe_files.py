# SPDX-License-Identifier: Apache-2.0
"""Uprobes in files of others, in files that are replaced, and in files that are refused."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from kernel.descriptors import nothing_leaks
from kernel.probed import RESULT, called, hits_of_waiting, plain, start_waiting, uprobe
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.bcc.usdt import find_objects
from tetragon_sensors.binaries.binary import Binary

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.policies import PolicyRun

TIMES: Final = 100
LIBC: Final = "/lib/x86_64-linux-gnu/libc.so.6"
MALLOC_BYTES: Final = 123_457

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


def test_file_that_is_replaced(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """A probe stays in the file that was there when the policy was loaded."""
    path, new = tmp_path / "called", tmp_path / "new"
    for one in (path, new):
        shutil.copy(program, one)
    text = uprobe(path, "symbols: [may]")
    old = start_waiting(path, 3)

    with run.loaded(text):
        new.rename(path)
        assert 3 == len(hits_of_waiting(run, old))
        assert [] == run.hits_of(lambda: called(path, 3))

    assert 3 == len(run.hits(text, lambda: called(path, 3)))


# ---- programs of others ----


def test_malloc(run: PolicyRun) -> None:
    """Calls of a library that all processes use: all of them by this one, with their results."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    wanted = f"matchArgs: [{{index: 0, operator: Equal, values: ['{MALLOC_BYTES}']}}]"
    text = uprobe(
        LIBC,
        "symbols: [malloc]",
        f"args: [{{index: 0, type: uint64}}], {RESULT % 'uint64'}, selectors: [{{{wanted}}}]",
    )
    read, write = os.pipe()

    def allocate() -> None:
        found = [libc.malloc(MALLOC_BYTES) for _ in range(TIMES)]
        os.write(write, " ".join(map(str, found)).encode())

    hits = run.hits(text, allocate)

    addresses = [int(one) for one in os.read(read, 1 << 16).split()]
    os.close(read)
    os.close(write)
    assert [("malloc", [MALLOC_BYTES], address) for address in addresses] == plain(hits)
    assert TIMES == len(hits)


@pytest.mark.parametrize("watched", [True, False])
def test_reference_counter(run: PolicyRun, workload: Path, *, watched: bool) -> None:
    """A counter in the file is above 0 while the policy is loaded, if the policy names it."""
    path = workload / "libcounted.so"
    binary = Binary(str(path))
    (address,) = find_objects(binary.link, {"test_counted_semaphore"})["test_counted_semaphore"]
    counter = f", refCtrOffsets: [{binary.image.offset_of(address)}]" if watched else ""

    hits = run.hits(
        uprobe(path, f"symbols: [hit]{counter}", RESULT % "int32"),
        lambda: ctypes.CDLL(str(path)).hit(5),
    )

    assert [("hit", [], 5 if watched else 0)] == plain(hits)


def test_lines_of_a_shell(run: PolicyRun) -> None:
    """What is typed into bash is what its readline returns."""
    lines = ["echo one", "true", "exit"]
    keyboard, terminal = os.openpty()
    try:
        with run.loaded(uprobe("/bin/bash", "symbols: [readline]", RESULT % "string")):
            shell = subprocess.Popen(
                ["bash", "--norc", "--noprofile", "-i"],
                stdin=terminal,
                stdout=terminal,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            os.write(keyboard, "\n".join([*lines, ""]).encode())
            hits = run.hits_until_exit(shell.pid)
            shell.returncode = 0  # it was waited for
    finally:
        os.close(keyboard)
        os.close(terminal)

    assert lines == [result for _, _, result in plain(hits)]


# ---- what is refused ----


@pytest.mark.parametrize(
    ("place", "more", "message"),
    [
        ("symbols: [missing]", "", "has no function missing"),
        ("symbols: [may, missing+4]", "", "has no function missing"),
        ("offsets: [0]", "", "offset 0x0 of {path} is not loaded as code"),
        ("addrs: [0xffffffff]", "", "has nothing at address 0xffffffff"),
        ("symbols: [may]", "binaryDigests: ['build-id:00ff']", "has none of these digests"),
        ("symbols: [may]", "args: [{index: 0, type: file}]", "is a structure of the kernel"),
    ],
)
def test_refused(run: PolicyRun, program: Path, place: str, more: str, message: str) -> None:
    """What is not in the file is refused with the reason, and nothing is attached."""
    with pytest.raises(PolicyError, match=message.format(path=program)):
        run.hits(uprobe(program, place, more), lambda: None)


def test_no_file(run: PolicyRun, tmp_path: Path) -> None:
    """A file that is not there, or is no program, is refused."""
    text = tmp_path / "text"
    text.write_text("no program")
    for path, reason in (
        (tmp_path / "none", "No such file"),
        (text, "shorter"),
        (tmp_path, "no regular"),
    ):
        with pytest.raises(PolicyError, match=reason):
            run.hits(uprobe(path, "symbols: [may]"), lambda: None)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512", "build-id"])
def test_digest(run: PolicyRun, program: Path, algorithm: str) -> None:
    """A file that has one of the digests is attached to."""
    binary = Binary(str(program))
    digest = binary.image.build_id().hex()
    if algorithm != "build-id":
        digest = hashlib.new(algorithm, program.read_bytes()).hexdigest()
    more = f"binaryDigests: ['build-id:00', '{algorithm}:{digest}']"

    assert 2 == len(run.hits(uprobe(program, "symbols: [may]", more), lambda: called(program, 2)))


def test_digest_that_may_be_wrong(run: PolicyRun, program: Path) -> None:
    """With ignore.digestVerificationFailure the policy is loaded, and says what it left out."""
    more = "binaryDigests: ['build-id:00'], ignore: {digestVerificationFailure: true}"

    with run.loaded(uprobe(program, "symbols: [may]", more)) as policy:
        hits = run.hits_of(lambda: called(program, 2))
        states = [(hook.name, hook.state) for hook in policy.hooks]

    assert [] == hits
    assert [(f"{program}:may", "digest rejected")] == states
