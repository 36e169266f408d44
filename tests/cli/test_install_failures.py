# SPDX-License-Identifier: Apache-2.0
"""An installation that fails says why in one line, and leaves the host as it was."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.installed_host import LINK, RECORD, SETTINGS, TREE, UNIT, Host, program_tree
from tetragon_cli.group import root
from tetragon_cli.installation import exchange as exchange_module
from tetragon_cli.installation import transaction
from tetragon_core import program_tree as core_tree
from tetragon_core.errors import (
    AlreadyRunningError,
    PermissionDeniedError,
    TetragonError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


_WHILE_SWITCHING = ("exchange", "_keep_as")
"""Before that the service is not disturbed."""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with a first version, whose service runs."""
    host = Host(tmp_path / "host")
    host.install(program_tree(tmp_path / "first", "first"))
    host.manager.told.clear()
    return host


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Another version."""
    return program_tree(tmp_path / "second", "second")


def failing_after(count: int, function: Callable[..., None]) -> Callable[..., None]:
    """The function until it has been called so often; then the disk is full."""
    left = [count]

    def call(*words: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(words[0]))
        function(*words)

    return call


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("_write", 0),
        ("_write", 1),
        ("_write", 2),
        ("copy_tree", 0),
        ("exchange", 0),
        ("_keep_as", 0),
    ],
)
def test_a_full_disk(
    host: Host, second: Path, name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it comes, the old version is whole, and its agent runs."""
    host.at(UNIT).unlink()
    host.at(SETTINGS).unlink()
    before = host.content()
    monkeypatch.setattr(transaction, name, failing_after(count, getattr(transaction, name)))

    with pytest.raises(TetragonError, match="No space left on device; everything is as it was"):
        host.install(second)

    assert before == host.content()
    assert host.manager.active
    assert name in _WHILE_SWITCHING or [] == host.manager.told


def test_a_service_that_does_not_start(host: Host, second: Path) -> None:
    """The version before runs again."""
    before = host.content()
    host.manager.fails = "start"

    with pytest.raises(TetragonError, match=r"does not start, so everything is as it was: .*refus"):
        host.install(second)

    assert before == host.content()
    assert ["stop", "reload", "start", "stop", "reload", "start"] == host.manager.told
    assert host.manager.active


def test_settings_that_cannot_be_read(host: Host, second: Path) -> None:
    """The agent that runs is not stopped for one that would not start."""
    host.write(SETTINGS, "log-level: [")
    before = host.content()

    with pytest.raises(TetragonError, match=r"would not start, so nothing is changed: .*yaml:2"):
        host.install(second)

    assert before == host.content()
    assert [] == host.manager.told


def test_a_first_service_that_does_not_start(tmp_path: Path, second: Path) -> None:
    """Nothing is left."""
    host = Host(tmp_path / "other")
    before = host.content()
    host.manager.fails = "start"

    with pytest.raises(TetragonError, match="--no-start installs all the same"):
        host.install(second)

    assert before == host.content()


@pytest.mark.parametrize("path", [TREE, LINK, UNIT])
def test_files_of_somebody_else(tmp_path: Path, second: Path, path: str) -> None:
    """They are named and not touched, before anything else is."""
    host = Host(tmp_path / "other")
    host.write(path, "mine")
    before = host.content()

    with pytest.raises(TetragonError, match=f"{path} is there, and `tetragon-mini install` has"):
        host.install(second)

    assert before == host.content()


def test_a_package_is_there(second: Path, tmp_path: Path) -> None:
    """Two installations would share a service."""
    host = Host(tmp_path / "other")
    host.write("/usr/lib/tetragon-mini/tetragon-mini", "theirs")

    with pytest.raises(TetragonError, match=r"/usr/lib/tetragon-mini .*a deb or rpm package"):
        host.install(second)
    with pytest.raises(TetragonError, match=r"apt remove, dnf remove"):
        host.uninstall()


def test_what_a_killed_run_has_left(host: Host, second: Path) -> None:
    """The next run clears it."""
    leftover = Path(TREE).with_name(".tetragon-mini.tetragon-mini-new")
    host.write(f"{leftover}/half", "half")
    host.write(f"{Path(SETTINGS).parent}/.tetragon.yaml.tetragon-mini-old", "old")

    host.install(second)

    assert [] == [path for path in host.content() if ".tetragon-mini-" in path]


def test_a_killed_run_between_two_names(host: Host, second: Path) -> None:
    """Tree and record that do not fit each other are brought together by the next run."""
    record = host.at(RECORD).read_bytes()
    host.install(second)
    whole = host.content()
    host.at(RECORD).write_bytes(record)

    host.install(second)

    assert whole == host.content()


def test_two_at_a_time(host: Host, second: Path) -> None:
    """The other one is told to wait."""
    before = host.content()
    descriptor = os.open(host.at(RECORD).parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    with pytest.raises(AlreadyRunningError, match="another install or uninstall"):
        host.install(second)
    with pytest.raises(AlreadyRunningError, match="another install or uninstall"):
        host.uninstall()

    os.close(descriptor)
    assert before == host.content()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "marks": 3}'])
def test_a_damaged_record(host: Host, second: Path, content: str) -> None:
    """Nothing is guessed."""
    host.at(RECORD).write_text(content)

    with pytest.raises(TetragonError, match=r"installed.json is damaged"):
        host.install(second)
    with pytest.raises(TetragonError, match=r"installed.json is damaged"):
        host.uninstall()


@pytest.mark.parametrize("path", ["etc/passwd", "/usr/../etc/passwd"])
def test_a_record_that_names_anything(host: Host, path: str) -> None:
    """Paths that install never writes are none."""
    content = json.loads(host.at(RECORD).read_text())
    content["marks"][path] = "sha256:0"
    host.at(RECORD).write_text(json.dumps(content))

    with pytest.raises(TetragonError, match="is damaged"):
        host.uninstall()


def test_a_record_of_later(host: Host, second: Path) -> None:
    """A newer version's form is left to it."""
    host.at(RECORD).write_text('{"format": 2, "version": "9.0"}')

    with pytest.raises(TetragonError, match=r"was written by version 9\.0.*use that version"):
        host.install(second)


def test_a_root_that_leads_out_of_itself(second: Path, tmp_path: Path) -> None:
    """Links of an image do not make us write to the host that builds it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    image = Host(tmp_path / "image")
    image.at("/etc").rename(image.at("/etc-before"))
    image.at("/etc").symlink_to(outside)

    with pytest.raises(TetragonError, match="leads out of"):
        image.install(second)

    assert [] == list(outside.iterdir())
    assert not image.at(TREE).exists()


def test_file_systems_that_cannot_exchange(tmp_path: Path) -> None:
    """One after the other: either both have changed places or none has."""
    one, other = program_tree(tmp_path / "a", "a"), program_tree(tmp_path / "b", "b")

    exchange_module._in_turn(one, other)

    assert "b" == (tmp_path / "a/lib/ld.so").read_text()
    assert "a" == (tmp_path / "b/lib/ld.so").read_text()


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["install"], TetragonError, "`make dist`, then"),
        (["install", "--prefix", "here"], UsageError, "--prefix here: wanted a path from /"),
        (["install", "--prefix", "/opt/a b"], UsageError, "--prefix '/opt/a b': wanted letters"),
        (["install", "--prefix", "/opt/a%n"], UsageError, "--prefix '/opt/a%n': wanted letters"),
        (["install", "--root", "/nowhere"], UsageError, "--root /nowhere: wanted a folder"),
    ],
)
def test_wrong_uses(
    words: list[str],
    kind: type[TetragonError],
    message: str,
    second: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line says what is wanted; source code has nothing to install."""
    if len(words) > 1:
        monkeypatch.setattr(core_tree, "source", lambda: second)

    error = CliRunner().invoke(root, words).exception

    assert isinstance(error, kind)
    assert message in str(error)


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_without_root(command: str, second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only looking is for everybody."""
    monkeypatch.setattr(core_tree, "source", lambda: second)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    error = CliRunner().invoke(root, [command]).exception

    assert isinstance(error, PermissionDeniedError)
    assert 77 == error.exit_code


def test_the_library_has_the_call() -> None:
    """renameat2 is in every C library that the executable brings (glibc 2.28)."""
    script = "import ctypes; ctypes.CDLL(None).renameat2"

    assert 0 == subprocess.run([sys.executable, "-c", script], check=False).returncode
