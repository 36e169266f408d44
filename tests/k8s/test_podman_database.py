# SPDX-License-Identifier: Apache-2.0
"""Labels from the databases of Podman, whole ones and broken ones."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from k8s.asked import container_id
from k8s.bolt_file import write_bolt
from tetragon_k8s.runtimes import bolt
from tetragon_k8s.runtimes.bolt import read_value
from tetragon_k8s.runtimes.podman_database import read_labels

if TYPE_CHECKING:
    from pathlib import Path

WEB = container_id(1)
CONFIG = {"name": "web", "labels": {"app": "web", "odd": 5}}
KEYS = (b"ctr", WEB.encode(), b"config")


def many(count: int) -> dict[str, object]:
    """Containers' configurations, of which WEB is one."""
    return {container_id(number): CONFIG for number in range(1, count + 1)}


def store(root: Path, containers: dict[str, object]) -> Path:
    """Podman's database before 4.8."""
    path = root / "libpod/bolt_state.db"
    path.parent.mkdir(parents=True)
    texts = {one: json.dumps(config).encode() for one, config in containers.items()}
    write_bolt(path, {b"ctr": {one.encode(): {b"config": text} for one, text in texts.items()}})
    return path


@pytest.mark.parametrize("count", [1, 3, 400], ids=["inside", "a page", "a tree"])
def test_labels_from_bbolt(tmp_path: Path, count: int) -> None:
    """Labels are found however many containers there are."""
    store(tmp_path, many(count))

    assert read_labels(str(tmp_path), WEB) == {"app": "web"}
    assert read_labels(str(tmp_path), container_id(999)) == {}


def test_labels_from_sqlite(tmp_path: Path) -> None:
    """The database of newer Podmans is read where Python can."""
    with closing(sqlite3.connect(tmp_path / "db.sql")) as database:
        database.execute("CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY, JSON TEXT)")
        database.execute("INSERT INTO ContainerConfig VALUES (?, ?)", (WEB, json.dumps(CONFIG)))
        database.commit()

    assert read_labels(str(tmp_path), WEB) == {"app": "web"}


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"\xff" * 9000])
@pytest.mark.parametrize("file", ["db.sql", "libpod/bolt_state.db"])
def test_files_that_are_none(tmp_path: Path, file: str, content: bytes) -> None:
    """A file that is no database has no labels."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)

    assert read_labels(str(tmp_path), WEB) == {}


def test_a_database_of_others(tmp_path: Path) -> None:
    """SQLite does not open files of users."""
    path = tmp_path / "db.sql"
    path.write_bytes(b"")
    if os.geteuid() == 0:
        os.chown(path, 1, 1)

    assert read_labels(str(tmp_path), WEB) == {}


def test_every_damage_is_borne(tmp_path: Path) -> None:
    """Whatever four bytes of a file become, it is read to an end, or refused as ValueError."""
    path = store(tmp_path, many(3))
    whole = path.read_bytes()

    written = [at for at in range(0, len(whole), 4) if whole[at : at + 4] != b"\0" * 4]
    for at in written:
        for value in (0, 1, 0xFFFFFFFF):
            path.write_bytes(whole[:at] + struct.pack("<I", value) + whole[at + 4 :])
            try:
                found = read_value(str(path), KEYS)
            except (OSError, ValueError):
                continue
            assert found is None or isinstance(found, bytes)


def test_a_file_that_changes_all_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read while others wrote is not believed."""
    path = store(tmp_path, many(1))
    walk = bolt._walk
    number = 1

    def written_meanwhile(*arguments: object) -> bytes | None:
        nonlocal number
        number += 1
        found = walk(*arguments)  # type: ignore[arg-type]  # as they come
        write_bolt(path, {}, transaction=number)
        return found

    monkeypatch.setattr(bolt, "_walk", written_meanwhile)

    with pytest.raises(ValueError, match="all the time"):
        read_value(str(path), KEYS)
