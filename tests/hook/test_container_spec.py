# SPDX-License-Identifier: Apache-2.0
"""Finding and reading what the runtime hands the hook."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tetragon_core.errors import TetragonError
from tetragon_crio_hook import json_text
from tetragon_crio_hook.container_spec import find_spec, read_state

if TYPE_CHECKING:
    from pathlib import Path


def state_of(data: bytes) -> Any:
    """State read from a pipe with this."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    try:
        return read_state(reading)
    finally:
        os.close(reading)


def test_the_state() -> None:
    """As crun writes it; a pid 0 is none, and what is no text neither."""
    state = state_of(b'{"ociVersion":"1.0","id":"x","pid":7,"bundle":"/b","status":"created"}\n')

    assert ("x", 7, "/b") == (state.id, state.pid, state.bundle)
    assert (0, "") == (state_of(b'{"pid": 0, "id": "a\\u0000b"}').pid, state_of(b'{"id":5}').id)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "a value is missing at character 0"),
        (b"{", "the OCI state on standard input: no JSON"),
        (b"{} x", "more text follows at character 2"),
        (b"[1]", "no JSON object"),
        (b"\xff", "no JSON"),
        (b"[" * 60000, "no JSON"),
        (b"9" * 5000, "no JSON"),
    ],
)
def test_no_state(data: bytes, expected: str) -> None:
    """One error for everything else."""
    with pytest.raises(TetragonError, match=expected):
        state_of(data)


def test_the_bundle_counts_before_the_working_directory(tmp_path: Path) -> None:
    """The working directory may be the container's: an image can have a config.json."""
    (tmp_path / "bundle").mkdir()
    (tmp_path / "rootfs").mkdir()
    for name, mark in (("bundle", "runtime"), ("rootfs", "image")):
        (tmp_path / name / "config.json").write_text(json.dumps({"mark": mark}))

    spec = find_spec(f"{tmp_path}/bundle", f"{tmp_path}/rootfs")

    assert ({"mark": "runtime"}, True) == (spec.content, spec.is_in_bundle)


@pytest.mark.parametrize(
    ("where", "is_in_bundle"),
    [("cwd/config.json", True), ("config.json", False), ("userdata/config.json", False)],
)
def test_the_places_seen_from_the_working_directory(
    tmp_path: Path, where: str, *, is_in_bundle: bool
) -> None:
    """containerd's, runc's and CRI-O's."""
    (tmp_path / "cwd").mkdir()
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("{}")

    spec = find_spec("", f"{tmp_path}/cwd")

    assert (f"{tmp_path}/{where}", is_in_bundle) == (spec.path, spec.is_in_bundle)


def test_no_specification(tmp_path: Path) -> None:
    """The error tells where it was looked for; a relative bundle is none."""
    with pytest.raises(TetragonError, match=r"failed to find spec file: no config.json, .* in "):
        find_spec("relative", str(tmp_path))
    with pytest.raises(TetragonError, match=r"no config.json in the bundle /nowhere"):
        find_spec("/nowhere", str(tmp_path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "no regular file", id="a FIFO"),
        pytest.param(b"[]", "no OCI specification", id="a list"),
        pytest.param(b"{", "config.json: no JSON", id="cut"),
        pytest.param(b" " * (16 * 2**20 + 1), "larger than 16 MiB", id="huge"),
    ],
)
def test_broken_specifications(tmp_path: Path, content: bytes | None, expected: str) -> None:
    """Nothing blocks, and nothing is taken for a container."""
    path = tmp_path / "config.json"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)

    with pytest.raises(TetragonError, match=expected):
        find_spec("", str(tmp_path))


def test_links_and_directories(tmp_path: Path) -> None:
    """A link leads to its file; a directory and a link to nothing are told."""
    (tmp_path / "real").write_text('{"a": 1}')
    (tmp_path / "link").mkdir()
    (tmp_path / "link/config.json").symlink_to(tmp_path / "real")
    (tmp_path / "folder/config.json").mkdir(parents=True)

    assert {"a": 1} == find_spec(f"{tmp_path}/link", "/").content
    with pytest.raises(TetragonError, match=r"config.json is no regular file"):
        find_spec(f"{tmp_path}/folder", "/")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -5,
        1.5,
        1e300,
        't\u00e9"\\\n\U0001f600',
        [1, [2, {}]],
        {"a": {"b": [None]}},
        2**70,
    ],
)
def test_json_reads_back(value: object) -> None:
    """Both ways, as the standard library does it."""
    assert value == json.loads(json_text.dumps(value))
    assert value == json_text.loads(f" {json.dumps(value)}\n".encode())
