# SPDX-License-Identifier: Apache-2.0
"""The export file: where lines go, when it is rotated, and what others may do to it meanwhile."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import TYPE_CHECKING

import pytest

from server.exporting import MIB, STAMP, file_sink, numbers_in, ready, ready_ones
from server.harness import names_in
from tetragon_server.export.sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUARTER = MIB // 4
BACKUP = f"e-{STAMP}.log"


FILE_BYTES = 1000


@contextlib.contextmanager
def limited_files() -> Iterator[None]:
    """The kernel takes no byte of a file beyond FILE_BYTES: a write ends in the middle.

    Only around the write: what the tests are told in may be a file, too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_nothing_is_made_before_the_first_event(tmp_path: Path) -> None:
    """Then the directories are made as well, and the file is the owner's alone."""
    path = tmp_path / "a/b/e.log"
    sink = file_sink(path)
    before = names_in(tmp_path)

    sink.write(ready_ones([1, 2]))

    assert (before, numbers_in(path), path.stat().st_mode & 0o777) == ([], [1, 2], 0o600)


def test_the_umask_counts(tmp_path: Path) -> None:
    """The mode is what is asked for, without what the umask takes."""
    sink = file_sink(tmp_path / "e.log")
    sink.mode = 0o664
    before = os.umask(0o027)
    try:
        sink.write([ready(1)])
    finally:
        os.umask(before)

    assert (tmp_path / "e.log").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_there_is_continued(tmp_path: Path) -> None:
    """A restart appends, and leaves the mode as it is."""
    path = tmp_path / "e.log"
    path.write_text('{"n":0}\n')
    path.chmod(0o644)

    file_sink(path).write([ready(1)])

    assert (numbers_in(path), path.stat().st_mode & 0o777) == ([0, 1], 0o644)


def test_half_a_line_of_a_crash_spoils_no_other(tmp_path: Path) -> None:
    """A line that is found without its end gets one before the next line is written."""
    path = tmp_path / "e.log"
    path.write_text('{"n":0}\n{"n"')

    file_sink(path).write([ready(1)])

    assert path.read_text() == '{"n":0}\n{"n"\n{"n":1}\n'


def test_a_file_may_become_full_and_not_more(tmp_path: Path) -> None:
    """The line that would pass the limit begins a new file; one batch may need several."""
    path = tmp_path / "e.log"

    file_sink(path).write(ready_ones(range(10), QUARTER))

    first, second = (tmp_path / f"e-2026-01-02T03-04-05.{ms}.log" for ms in ("006", "007"))
    assert [numbers_in(one) for one in (first, second, path)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert first.stat().st_size == MIB


def test_a_file_found_nearly_full_is_rotated(tmp_path: Path) -> None:
    """Where the next line would only just fit, a file that is found is rotated all the same."""
    path = tmp_path / "e.log"
    file_sink(path).write(ready_ones(range(3), QUARTER))

    file_sink(path).write([ready(3, QUARTER)])

    assert (numbers_in(tmp_path / BACKUP), numbers_in(path)) == ([0, 1, 2], [3])


def test_no_limit_means_100_mib(tmp_path: Path) -> None:
    """0 is Tetragon's way to write the default of its library."""
    assert file_sink(tmp_path / "e.log", max_mib=0).max_line_bytes == 100 * MIB - 1


def test_rotation_on_request_rotates_even_an_empty_file(tmp_path: Path) -> None:
    """By time, a file is closed whatever is in it; without one, an empty one is made."""
    path = tmp_path / "e.log"
    sink = file_sink(path)

    sink.rotate()
    made = names_in(tmp_path)
    sink.rotate()
    sink.write([ready(1)])

    assert (made, names_in(tmp_path)) == (["e.log"], [BACKUP, "e.log"])
    assert numbers_in(path) == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_new_file_gets_the_old_ones_owner(tmp_path: Path) -> None:
    """Whoever may read the export goes on reading it, but with the mode of the settings."""
    path = tmp_path / "e.log"
    path.write_text('{"n":0}\n')
    os.chown(path, 12, 34)
    sink = file_sink(path)

    sink.rotate()

    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12, 34, 0o600)


@pytest.mark.parametrize("act", ["move", "remove", "truncate"])
def test_others_may_rotate_the_file(tmp_path: Path, act: str) -> None:
    """Logrotate moves, removes or empties it: what comes next is in the file of that name."""
    path = tmp_path / "e.log"
    sink = file_sink(path)
    sink.write([ready(1)])
    if act == "move":
        path.rename(tmp_path / "e.log.1")
    elif act == "remove":
        path.unlink()
    else:
        os.truncate(path, 0)

    sink.write([ready(2)])

    assert numbers_in(path) == [2]


def test_a_file_that_others_empty_is_not_rotated_early(tmp_path: Path) -> None:
    """Its size is what the kernel says, not what was written since it was opened."""
    path = tmp_path / "e.log"
    sink = file_sink(path)
    sink.write(ready_ones(range(4), QUARTER))
    os.truncate(path, 0)

    sink.write(ready_ones(range(4), QUARTER))

    assert names_in(tmp_path) == ["e.log"]


def test_half_a_line_is_taken_back(tmp_path: Path) -> None:
    """When the disk takes only part of a batch, whole lines stay, and their number is told."""
    path = tmp_path / "e.log"
    sink = file_sink(path)

    with limited_files(), pytest.raises(SinkError, match="File too large") as error:
        sink.write(ready_ones(range(20), 90))

    assert (error.value.written, path.stat().st_size) == (11, 990)
    assert numbers_in(path) == list(range(11))
    assert FILE_BYTES < 20 * 90


def test_what_failed_can_be_written_later(tmp_path: Path) -> None:
    """The rest of a batch follows where the whole lines end: nothing twice, nothing torn."""
    path = tmp_path / "e.log"
    sink = file_sink(path)
    batch = ready_ones(range(20), 90)
    with limited_files(), pytest.raises(SinkError) as error:
        sink.write(batch)

    sink.write(batch[error.value.written :])

    assert numbers_in(path) == list(range(20))


def test_names_that_are_taken_are_passed_over(tmp_path: Path) -> None:
    """Whatever has the name of a backup stays; the backup gets the next free one."""
    path = tmp_path / "e.log"
    sink = file_sink(path)
    sink.write(ready_ones(range(3), QUARTER))
    for ms in range(1000):
        (tmp_path / f"e-2026-01-02T03-04-05.{ms:03d}.log").mkdir(exist_ok=True)

    sink.write(ready_ones(range(3, 6), QUARTER))

    assert numbers_in(tmp_path / "e-2026-01-02T03-04-06.000.log", path) == [0, 1, 2, 3, 4, 5]


def test_a_link_leads_to_its_file(tmp_path: Path) -> None:
    """Of a link that the owner has made, the file behind it is written and rotated."""
    (tmp_path / "disk").mkdir()
    path = tmp_path / "e.log"
    path.symlink_to(tmp_path / "disk/real.log")
    sink = file_sink(path)

    sink.write(ready_ones(range(6), QUARTER))

    assert names_in(tmp_path / "disk") == [f"real-{STAMP}.log", "real.log"]
    assert numbers_in(path) == [4, 5]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give links away")
def test_a_strangers_link_is_not_followed(tmp_path: Path) -> None:
    """Who may put it there could have the agent write anywhere; the message says whose it is."""
    path = tmp_path / "e.log"
    sink = file_sink(path)
    sink.write([ready(1)])
    path.unlink()
    path.symlink_to(tmp_path / "victim")
    os.chown(path, 1234, 1234, follow_symlinks=False)

    with pytest.raises(SinkError, match="is a link of user 1234"):
        sink.write([ready(2)])

    assert not (tmp_path / "victim").exists()


def test_a_pipe_is_written_and_never_rotated(tmp_path: Path) -> None:
    """As is /dev/stdout; without a reader it is an error instead of a wait without end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    sink = file_sink(path)
    with pytest.raises(SinkError, match="have something read the pipe"):
        sink.write([ready(1)])

    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink.write([ready(1)])
    sink.rotate()
    got = os.read(reader, 100)
    os.close(reader)
    sink.close()

    assert (got, names_in(tmp_path)) == (b'{"n":1}\n', ["pipe"])


def test_a_line_that_became_too_long_is_written_alone(tmp_path: Path) -> None:
    """When the limit shrinks while events wait, they are kept rather than lost."""
    path = tmp_path / "e.log"
    sink = file_sink(path)
    sink.write([ready(0)])

    sink.write([ready(1, 2 * MIB), ready(2)])

    assert [numbers_in(one) for one in sorted(tmp_path.iterdir())] == [[0], [1], [2]]
