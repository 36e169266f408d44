# SPDX-License-Identifier: Apache-2.0
"""Rotated files: their names, which of them stay, and that compressing loses nothing."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from server.exporting import NOON_NS, STAMP
from server.harness import names_in
from tetragon_server.export.retention import Retention, keep_newest
from tetragon_server.export.rotation import Naming

if TYPE_CHECKING:
    from pathlib import Path


def stamped(day: int) -> str:
    return f"e-2026-01-{day:02d}T00-00-00.000.log"


def backups(directory: Path, *days: int, ending: str = "") -> None:
    for day in days:
        (directory / f"{stamped(day)}{ending}").write_text(f"day {day}\n")


@pytest.mark.parametrize(
    ("name", "backup"),
    [
        ("tetragon.log", f"tetragon-{STAMP}.log"),
        ("events", f"events-{STAMP}"),
        ("a.b.json", f"a.b-{STAMP}.json"),
        (".log", f"-{STAMP}.log"),
    ],
)
def test_backups_are_named_by_time(tmp_path: Path, name: str, backup: str) -> None:
    """Base, UTC time in milliseconds, extension; in the same directory."""
    assert Naming(tmp_path / name).fresh(NOON_NS) == tmp_path / backup


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_no_backup_replaces_another(tmp_path: Path, ending: str) -> None:
    """Of two rotations in one millisecond the second has the next millisecond's name."""
    (tmp_path / f"e-{STAMP}.log{ending}").touch()

    fresh = Naming(tmp_path / "e.log").fresh(NOON_NS)

    assert fresh.name == "e-2026-01-02T03-04-05.007.log"


def test_the_newest_stay(tmp_path: Path) -> None:
    """So many rotations as are allowed; a compressed one and its remains count once."""
    backups(tmp_path, 1, 3, 4, 5)
    backups(tmp_path, 2, 4, ending=".gz")

    keep_newest(Naming(tmp_path / "e.log"), 3, compress=False)

    assert names_in(tmp_path) == [stamped(3), stamped(4), f"{stamped(4)}.gz", stamped(5)]


def test_none_is_too_many_without_a_limit(tmp_path: Path) -> None:
    """0 keeps all."""
    backups(tmp_path, *range(1, 30))

    keep_newest(Naming(tmp_path / "e.log"), 0, compress=False)

    assert len(names_in(tmp_path)) == 29


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Only names that a rotation makes are looked at, whatever else is in the directory."""
    others = ["e-.log", "e-2026.log", "e.log", "f-2026-01-01T00-00-00.000.log", "e-x.log.gz.part"]
    for name in others:
        (tmp_path / name).touch()
    backups(tmp_path, 1, 2)

    keep_newest(Naming(tmp_path / "e.log"), 1, compress=True)

    assert names_in(tmp_path) == sorted([*others, f"{stamped(2)}.gz"])


def test_compressing_keeps_text_mode_and_owner(tmp_path: Path) -> None:
    """The compressed file takes the place of the other, and is as private."""
    backups(tmp_path, 1)
    (tmp_path / stamped(1)).chmod(0o640)

    keep_newest(Naming(tmp_path / "e.log"), 0, compress=True)

    packed = tmp_path / f"{stamped(1)}.gz"
    assert names_in(tmp_path) == [packed.name]
    assert gzip.decompress(packed.read_bytes()) == b"day 1\n"
    assert packed.stat().st_mode & 0o777 == 0o640


def test_a_crash_while_compressing_loses_nothing(tmp_path: Path) -> None:
    """Half a compressed file is thrown away, and the uncompressed one done again."""
    backups(tmp_path, 1)
    (tmp_path / f"{stamped(1)}.gz.part").write_bytes(b"\x1f\x8b half")

    keep_newest(Naming(tmp_path / "e.log"), 1, compress=True)

    assert names_in(tmp_path) == [f"{stamped(1)}.gz"]
    assert gzip.decompress((tmp_path / f"{stamped(1)}.gz").read_bytes()) == b"day 1\n"


def test_a_crash_before_the_last_step_is_repaired(tmp_path: Path) -> None:
    """With both files there the uncompressed one counts: it is complete for certain."""
    backups(tmp_path, 1)
    (tmp_path / f"{stamped(1)}.gz").write_bytes(b"whatever")

    keep_newest(Naming(tmp_path / "e.log"), 1, compress=True)

    assert gzip.decompress((tmp_path / f"{stamped(1)}.gz").read_bytes()) == b"day 1\n"


def test_remains_of_a_removed_backup_are_no_backup(tmp_path: Path) -> None:
    """A half file without its source is removed and takes nobody's place."""
    backups(tmp_path, 1)
    backups(tmp_path, 2, ending=".gz.part")

    keep_newest(Naming(tmp_path / "e.log"), 1, compress=False)

    assert names_in(tmp_path) == [stamped(1)]


def test_tidying_is_done_beside_the_writing(tmp_path: Path) -> None:
    """A request returns at once; all requests together are served by one thread."""
    backups(tmp_path, 1, 2, 3)
    retention = Retention(max_backups=1, compress=True)

    for _ in range(5):
        retention.request(Naming(tmp_path / "e.log"))
    retention.wait()

    assert names_in(tmp_path) == [f"{stamped(3)}.gz"]


def test_a_directory_that_cannot_be_tidied_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning with the file and the reason, and no end of the thread's owner."""
    retention = Retention(max_backups=1, compress=False)

    retention.request(Naming(tmp_path / "gone" / "e.log"))
    retention.wait()

    (record,) = caplog.records
    assert record.getMessage().startswith("rotated export files could not be tidied")
