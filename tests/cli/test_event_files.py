# SPDX-License-Identifier: Apache-2.0
"""--input: compressed files, several files, and files that are still written."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Start = Callable[..., subprocess.Popen[bytes]]

DEADLINE_S = 60


def lines(*seconds: int) -> bytes:
    return b"".join(b'{"test":{},"time":"2026-01-31T14:30:%02dZ"}\n' % one for one in seconds)


def seconds_of(output: str) -> list[int]:
    return [int(json.loads(line)["time"][-3:-1]) for line in output.splitlines()]


def test_a_line_with_another_value_than_an_object_is_no_event(run_client: Run) -> None:
    """The JSON library would take some of them for an empty event."""
    done = run_client("getevents", text='[]\n"x"\n""\nnull\n1\n {} \n')

    assert done.stdout == "{}\n"


def test_input_file(tmp_path: Path, run_client: Run) -> None:
    """--input reads a file; a missing one is a usage error of one line."""
    path = tmp_path / "events.json"
    path.write_text('{"test":{}}\n')

    done = run_client("getevents", "-o", "compact", "--input", str(path))
    failed = run_client("getevents", "--input", str(tmp_path / "none"))

    assert (done.returncode, done.stdout) == (0, "TEST EVENT\n")
    assert failed.returncode == 2
    assert failed.stderr == (
        f"Error: cannot read events from {tmp_path}/none: No such file or directory\n"
    )


def test_compressed_files(tmp_path: Path, run_client: Run) -> None:
    """Known by their content, not by their name."""
    path = tmp_path / "export"
    path.write_bytes(gzip.compress(lines(1, 2)))

    done = run_client("getevents", "--input", str(path))

    assert [1, 2] == seconds_of(done.stdout)


@pytest.mark.parametrize("damage", ["short", "wrong"])
def test_a_damaged_compressed_file(damage: str, tmp_path: Path, run_client: Run) -> None:
    """What can be read is printed; then one line says that it is not all."""
    whole = gzip.compress(lines(*range(50)) * 200, compresslevel=0)
    path = tmp_path / "export.gz"
    path.write_bytes(whole[:-100_000] if damage == "short" else whole[:-6] + b"xxxxxx")

    done = run_client("getevents", "--input", str(path))

    assert 1 == done.returncode
    assert len(done.stdout.splitlines()) > 1000
    assert done.stderr.startswith(f"Error: cannot read events from {path} to its end: ")


def test_several_files_come_by_time(tmp_path: Path, run_client: Run) -> None:
    """Compressed or not; a file that is none is an error."""
    (tmp_path / "a").write_bytes(lines(1, 4, 5))
    (tmp_path / "b").write_bytes(gzip.compress(lines(2, 3, 6)))

    done = run_client("getevents", "--input", str(tmp_path / "a"), "--input", str(tmp_path / "b"))
    failed = run_client("getevents", "--input", str(tmp_path / "a"), "--input", str(tmp_path))

    assert [1, 2, 3, 4, 5, 6] == seconds_of(done.stdout)
    assert f"Error: cannot read events from {tmp_path}: Is a directory\n" == failed.stderr


def test_standard_input_may_be_compressed(start_client: Start) -> None:
    """As in `cat export.gz | tetragon-mini getevents`."""
    client = start_client("getevents", stdin=subprocess.PIPE)

    out, _ = client.communicate(gzip.compress(lines(7)), timeout=DEADLINE_S)

    assert [7] == seconds_of(out.decode())


def following(path: Path, start_client: Start) -> subprocess.Popen[bytes]:
    return start_client("getevents", "--input", str(path), "--follow")


def shown(client: subprocess.Popen[bytes], count: int) -> list[int]:
    """Seconds of the next events."""
    assert client.stdout is not None
    return [seconds_of(client.stdout.readline().decode())[0] for _ in range(count)]


def test_a_file_that_is_still_written(tmp_path: Path, start_client: Start) -> None:
    """New lines are printed, half ones when they are complete; a signal ends it quietly."""
    path = tmp_path / "export"
    path.write_bytes(lines(1))
    client = following(path, start_client)
    first = shown(client, 1)

    with path.open("ab", buffering=0) as file:
        file.write(lines(2) + lines(3)[:20])
        second = shown(client, 1)
        file.write(lines(3)[20:])
        third = shown(client, 1)
    client.send_signal(signal.SIGINT)

    assert [1, 2, 3] == first + second + third
    assert (b"", b"") == client.communicate(timeout=DEADLINE_S)
    assert 0 == client.returncode


def test_rotation(tmp_path: Path, start_client: Start) -> None:
    """What is written until the renaming is read, then the new file from its beginning."""
    path = tmp_path / "export"
    path.write_bytes(lines(1))
    client = following(path, start_client)
    first = shown(client, 1)

    path.rename(tmp_path / "export.1")
    with (tmp_path / "export.1").open("ab") as file:
        file.write(lines(2))
    path.write_bytes(lines(3))

    assert [1, 2, 3] == first + shown(client, 2)


def test_a_file_that_is_cut(tmp_path: Path, start_client: Start) -> None:
    """As copytruncate does it: read again from the beginning, which is told."""
    path = tmp_path / "export"
    path.write_bytes(lines(1, 2))
    client = following(path, start_client)
    first = shown(client, 2)

    path.write_bytes(lines(3))

    assert [1, 2, 3] == first + shown(client, 1)
    client.send_signal(signal.SIGTERM)
    assert f"{path} was cut: it is read from its beginning\n".encode() in client.communicate()[1]
