# SPDX-License-Identifier: Apache-2.0
"""The export file of a real agent: complete, also when its disk was full or read-only meanwhile."""

from __future__ import annotations

import gzip
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kernel.agents import running_agent, subscribed, wait
from kernel.recorder import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.one_kernel("it is about files that the agent writes", vm="newest")
PROCESSES = 200


@contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A file system of its own at `path`."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def lines_in(directory: Path, name: str) -> list[str]:
    """Of all files of one export, oldest first; each line is whole."""
    lines: list[str] = []
    for path in [*sorted(directory.glob(f"{name}-*")), directory / f"{name}.log"]:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        assert text.endswith("\n") or not text
        lines += text.splitlines()
    return lines


def run_processes(finish: Path) -> None:
    for _ in range(PROCESSES):
        subprocess.run([finish, "0", "x" * 3000], check=True)


def end(agent: subprocess.Popen[bytes]) -> None:
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(DEADLINE_S) == 0


@pytest.fixture
def finish(workload: Path) -> Path:
    """The program that ends at once."""
    return workload / "finish"


def test_rotated_files_have_every_event(tmp_path: Path, finish: Path) -> None:
    """Rotated by size and compressed under load: in all files together is what a client got."""
    options = ["--export-filename", str(tmp_path / "logs/e.log"), "--export-file-compress"]
    options += ["--export-file-max-size-mb", "1", "--export-file-max-backups", "0"]
    with running_agent(tmp_path, *options) as agent, subscribed(tmp_path, finish) as client:
        run_processes(finish)
        client.mark(finish, "last-marker")
        end(agent)
        client.process.wait(DEADLINE_S)

    streamed = (tmp_path / "events").read_text().splitlines()
    exported = lines_in(tmp_path / "logs", "e")
    assert len(list((tmp_path / "logs").iterdir())) > 1
    # The file has what came before the client as well, processes that ran already included.
    assert exported[-len(streamed) :] == streamed


def test_a_full_disk_costs_what_did_not_fit_into_the_queue(tmp_path: Path, finish: Path) -> None:
    """Streams go on; with room again the file does too, and the log tells of the loss."""
    log = tmp_path / "log"
    with small_disk(tmp_path / "disk", "size=256k") as disk:
        options = ["--export-filename", str(disk / "e.log"), "--event-queue-size", "50"]
        with running_agent(tmp_path, *options) as agent, subscribed(tmp_path, finish) as client:
            run_processes(finish)
            wait(lambda: "No space left on device; make room" in log.read_text(), "the error")
            client.mark(finish, "while-it-was-full")
            remount(disk, "size=64m")
            wait(lambda: "events are exported again" in log.read_text(), "the export")
            client.mark(finish, "when-there-was-room")
            end(agent)
        exported = lines_in(disk, "e")

    told = next(line for line in log.read_text().splitlines() if "exported again" in line)
    assert int(told.rpartition("lost=")[2]) > 0
    assert len(exported) == len(set(exported))
    assert any("when-there-was-room" in line for line in exported)


def test_a_read_only_disk_delays_the_file_only(tmp_path: Path, finish: Path) -> None:
    """The agent starts, says what is wrong, and writes everything once it can."""
    with small_disk(tmp_path / "disk", "size=64m,ro") as disk:
        options = ["--export-filename", str(disk / "logs/e.log")]
        with running_agent(tmp_path, *options) as agent, subscribed(tmp_path, finish) as client:
            log = tmp_path / "log"
            wait(lambda: "Read-only file system; remount" in log.read_text(), "the error")
            client.mark(finish, "marker")
            remount(disk, "rw")
            wait(
                lambda: "exported again sink=file lost=0" in log.read_text().replace('"', ""), "it"
            )
            end(agent)
            client.process.wait(DEADLINE_S)
        exported = lines_in(disk / "logs", "e")

    streamed = (tmp_path / "events").read_text().splitlines()
    assert exported[-len(streamed) :] == streamed
