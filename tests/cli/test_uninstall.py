# SPDX-License-Identifier: Apache-2.0
"""What uninstall takes along beside files: the hook, unpacked programs, policies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from cli.installed_host import RECORD, UNIT, Host, paths_of, program_tree
from tetragon_cli.installation import uninstalling
from tetragon_core.errors import AlreadyRunningError, TetragonError, UsageError

HOOK = "/etc/containers/oci/hooks.d/tetragon-oci-hook.json"
COPY = "/var/lib/tetragon-mini/program/0123456789abcdef"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A version."""
    return program_tree(tmp_path / "first", "first")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host without anything of ours."""
    return Host(tmp_path / "host")


def test_the_hook_goes_with_the_rest(host: Host, first: Path) -> None:
    """Its file is named, and nothing of it stays."""
    before = host.content()

    lines = host.install(first, hooks=("podman",))
    assert f"create   {HOOK}  (hook of podman)" in lines
    assert "--fail-cel-expr=false" in host.at(HOOK).read_text()
    removed = host.uninstall()

    assert f"remove   {HOOK}  (hook of podman)" in removed
    assert before == host.content()


def test_an_upgrade_keeps_the_hook(host: Host, first: Path, tmp_path: Path) -> None:
    """Without being asked for it again, and with the arguments it has by now."""
    host.install(first, hooks=("podman",))
    mine = host.at(HOOK).read_text()

    host.install(program_tree(tmp_path / "second", "second"))
    assert mine == host.at(HOOK).read_text()
    host.uninstall()

    assert not host.at(HOOK).exists()


def test_a_hook_that_cannot_be_installed(host: Host, first: Path) -> None:
    """Nothing is."""
    host.write("/etc/docker/daemon.json", "broken")
    before = host.content()

    with pytest.raises(TetragonError, match=r"daemon\.json"):
        host.install(first, hooks=("podman", "docker"))

    assert before == host.content()


def test_a_start_that_fails_takes_the_hook_back(host: Host, first: Path) -> None:
    """All or nothing."""
    before = host.content()
    host.manager.fails = "start"

    with pytest.raises(TetragonError, match="does not start"):
        host.install(first, hooks=("podman",))

    assert before == host.content()


def test_unpacked_programs(host: Host, first: Path) -> None:
    """Copies that nobody runs from go, also the one that this process runs from."""
    before = host.content()
    host.install(first)
    own = COPY.replace("0123", "4567")
    for copy in (COPY, own):
        host.write(f"{copy}/lock", "")
    with host.at(f"{own}/lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)

        lines = host.uninstall()

    assert {COPY, own} <= set(paths_of(lines, "remove"))
    assert before == host.content()


def test_a_program_that_runs(host: Host, first: Path, tmp_path: Path) -> None:
    """A copy in use by somebody else is left to the executable, which clears what is old."""
    host.install(first)
    host.write(f"{COPY}/lock", "")
    # By another name: a lock of this process on the file itself would be taken for its own.
    link = tmp_path / "link"
    os.link(host.at(f"{COPY}/lock"), link)
    with link.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)

        lines = host.uninstall()

    assert host.at(COPY).is_dir()
    assert "keep     /var/lib/tetragon-mini  (it has program)" in lines


def test_without_a_unit(host: Host, first: Path) -> None:
    """What was never installed, or is gone, cannot be disabled; the service ends all the same."""
    host.install(first, has_service=False)
    host.uninstall()
    assert "disable" not in host.manager.told

    host.install(first)
    host.at(UNIT).unlink()
    host.manager.told.clear()
    host.uninstall()

    assert ["stop", "reload"] == host.manager.told


def test_a_unit_that_is_masked(host: Host, first: Path) -> None:
    """An administrator's link is no other installation; it stays, and nothing fails of it."""
    host.install(first)
    mask = host.at("/etc/systemd/system/tetragon-mini.service")
    mask.symlink_to("/dev/null")
    host.manager.active = False

    host.install(first)
    host.manager.fails = "disable"
    host.uninstall()

    assert mask.is_symlink()
    assert not host.at(UNIT).exists()
    with pytest.raises(TetragonError, match="another tetragon-mini"):
        host.install(first)


def test_an_interrupted_removal_is_finished(
    host: Host, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is the last to go, so that nothing is forgotten."""
    before = host.content()
    host.install(first)
    with monkeypatch.context() as patched:
        patched.setattr(uninstalling, "_remove_empty", refuse)
        with pytest.raises(TetragonError, match="Read-only file system"):
            host.uninstall()
    assert host.at(RECORD).exists()

    host.uninstall()

    assert before == host.content()


def refuse(folder: Path) -> None:
    """As a file system does that became read-only."""
    raise OSError(30, os.strerror(30), str(folder))


def test_policies_are_named(host: Host, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that enforce end, or go on when that is wanted."""
    ended: list[Path] = []
    as_host(host, monkeypatch, ended)
    host.install(first)

    kept = list(host.removal(keeps=True).lines())
    lines = host.uninstall()

    assert ["policy"] == paths_of([line for line in kept if "enforces" in line], "keep")
    assert "remove   policy protect-etc  (it enforces)" in lines
    assert [Path("/sys/fs/bpf/none")] == ended


def test_policies_that_would_end_anyway(
    host: Host, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is promised that the agent's settings do not hold."""
    as_host(host, monkeypatch, [], goes_on=False)
    host.install(first)

    with pytest.raises(UsageError, match="keep-sensors-on-exit is false"):
        host.removal(keeps=True)


def test_policies_of_an_agent_that_is_no_service(
    host: Host, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its program stays as long as it runs."""
    as_host(host, monkeypatch, [])
    host.install(first)

    def lives(*_: object, **__: object) -> None:
        raise AlreadyRunningError("an agent runs")

    monkeypatch.setattr(uninstalling, "remove_kept", lives)
    whole = host.content()

    with pytest.raises(AlreadyRunningError, match="stop it, or give --keep-enforcing"):
        host.uninstall()

    assert whole == host.content()


def as_host(
    host: Host, monkeypatch: pytest.MonkeyPatch, ended: list[Path], *, goes_on: bool = True
) -> None:
    """A policy is pinned, and the folder counts as the system that runs here."""
    root = Path("/sys/fs/bpf/none")
    monkeypatch.setattr(type(host.layout), "is_host", property(lambda _: True))
    monkeypatch.setattr("tetragon_cli.installation.others.check_place", lambda _: None)
    monkeypatch.setattr("tetragon_cli.installation.installing.check_place", lambda _: None)
    monkeypatch.setattr(uninstalling, "_kept_root", lambda _: (root, goes_on))
    monkeypatch.setattr(uninstalling, "kept_names", lambda _: ["policy protect-etc"])
    monkeypatch.setattr(uninstalling, "remove_kept", lambda path, *_, **__: ended.append(path))
