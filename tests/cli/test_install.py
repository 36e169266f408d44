# SPDX-License-Identifier: Apache-2.0
"""install and uninstall on a folder that is a host: what is made, kept, replaced and removed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cli.installed_host import (
    AT_BOOT,
    LINK,
    RECORD,
    SERVICE,
    SETTINGS,
    TREE,
    UNIT,
    Host,
    paths_of,
    program_tree,
)
from tetragon_core.errors import TetragonError
from tetragon_core.program_tree import interpreter_of


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host without anything of ours, that systemd runs."""
    return Host(tmp_path / "host")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A version."""
    return program_tree(tmp_path / "first", "first")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Another version."""
    return program_tree(tmp_path / "second", "second")


def test_everything_is_in_its_place(host: Host, first: Path) -> None:
    """Program, link, unit, settings and completions are there, and the service runs."""
    lines = host.install(first)

    assert (f"{TREE}/lib/ld.so") == interpreter_of(host.at(f"{TREE}/tetragon-mini").read_bytes())
    assert host.at(LINK).resolve() == host.at(f"{TREE}/tetragon-mini")
    assert f"ExecStart={LINK} agent" in host.at(UNIT).read_text().splitlines()
    assert UNIT == str(host.at(AT_BOOT).readlink())
    assert "server-address: unix://" in host.at(SETTINGS).read_text()
    assert host.at("/etc/tetragon/tetragon.tp.d").is_dir()
    assert not host.at(f"{TREE}/complete").exists()
    assert ["reload", "start"] == host.manager.told
    assert f"start    {SERVICE}" == lines[-1]


def test_lines_are_what_happens(host: Host, first: Path) -> None:
    """Each file and link that is new is named by a line, alone or by its tree; nothing else is."""
    before = host.content()

    created = paths_of(host.install(first), "create")

    named = {path.lstrip("/") for path in created}
    new = {path for path in host.content().keys() - before.keys() if not host.at(path).is_dir()}
    assert {path for path in new if not path.startswith(TREE.lstrip("/"))} == {
        path for path in named if not host.at(path).is_dir() or host.at(path).is_symlink()
    }
    assert before.items() <= host.content().items()


def test_a_plan_changes_nothing(host: Host, first: Path, second: Path) -> None:
    """What a dry run prints is what the run prints, and looking leaves no trace."""
    empty = host.content()
    planned = list(host.plan(first).lines())
    assert empty == host.content()
    assert planned == host.install(first)

    whole = host.content()
    upgrade = list(host.plan(second).lines())
    removal = list(host.removal().lines())
    assert whole == host.content()

    assert removal == host.uninstall()
    host.install(first)
    assert upgrade == host.install(second)


def test_uninstall_leaves_what_was_there(host: Host, first: Path) -> None:
    """Not a path more and not a path less than before the installation."""
    host.write("/usr/local/share/zsh/site-functions/_other", "mine")
    host.write("/etc/tetragon/tetragon.tp.d/other.yaml", "mine")
    before = host.content()
    host.install(first)

    lines = host.uninstall()

    assert before == host.content()
    assert f"stop     {SERVICE}" == lines[0]
    assert "disable" in host.manager.told


def test_the_same_once_more(host: Host, first: Path) -> None:
    """Nothing changes, and the service is not disturbed."""
    host.install(first)
    before = host.content()
    host.manager.told.clear()

    lines = host.install(first)

    assert before == host.content()
    assert [RECORD] == paths_of(lines, "replace")
    assert [] == paths_of(lines, "create")
    assert ["reload"] == host.manager.told


def test_an_upgrade(host: Host, first: Path, second: Path) -> None:
    """The tree is the new one alone; the service stops before and starts after the switch."""
    host.install(first)
    host.manager.told.clear()

    lines = host.install(second)

    assert [TREE, RECORD] == paths_of(lines, "replace")
    assert host.at(f"{TREE}/lib/only-in-second").exists()
    assert not host.at(f"{TREE}/lib/only-in-first").exists()
    assert ["stop", "reload", "start"] == host.manager.told
    assert [] == [path for path in host.content() if ".tetragon-mini-" in path]


def test_a_downgrade_is_no_other_thing(host: Host, first: Path, second: Path) -> None:
    """Back and forth, the host is the same as with the version alone."""
    host.install(first)
    alone = host.content()
    host.install(second)

    host.install(first)

    assert alone == host.content()


def test_a_service_that_was_stopped_stays_stopped(host: Host, first: Path, second: Path) -> None:
    """An upgrade starts nothing that did not run, and enables nothing that was disabled."""
    host.install(first)
    host.manager.active = False
    host.at(AT_BOOT).unlink()
    host.manager.told.clear()

    lines = host.install(second)

    assert ["reload"] == host.manager.told
    assert not host.at(AT_BOOT).is_symlink()
    assert f"keep     {AT_BOOT}  (it was switched off)" in lines


def test_neither_started_nor_enabled(host: Host, first: Path) -> None:
    """The unit is there for whoever starts it."""
    host.install(first, is_enabled=False)

    assert host.at(UNIT).exists()
    assert not host.at(AT_BOOT).is_symlink()
    assert "start" not in host.manager.told


def test_without_a_service(host: Host, first: Path) -> None:
    """No unit, and nothing is started."""
    host.install(first, has_service=False)

    assert not host.at(UNIT).exists()
    assert "start" not in host.manager.told


def test_another_prefix(host: Host, first: Path) -> None:
    """What was below the one before goes; the record is in the same place."""
    host.install(first)
    layout = type(host.layout)(root=host.root, prefix=Path("/opt/mini"))

    host.install(first, layout=layout)

    assert not host.at(TREE).exists()
    assert not host.at(LINK).is_symlink()
    assert not host.at(UNIT).exists()
    assert host.at("/opt/mini/bin/tetragon-mini").resolve().is_file()
    unit = host.at("/etc/systemd/system/tetragon-mini.service").read_text()
    assert "ExecStart=/opt/mini/bin/tetragon-mini agent" in unit
    host.uninstall()
    assert not host.at("/opt").exists()


@pytest.mark.parametrize("name", ["mine", "tetragon-mini"])
def test_something_in_the_folder_of_another_prefix(host: Host, first: Path, name: str) -> None:
    """It would go with the folder, so nothing is done until it is elsewhere."""
    host.install(first)
    host.write(f"{TREE}/{name}", "mine")
    before = host.content()
    layout = type(host.layout)(root=host.root, prefix=Path("/opt/mini"))

    with pytest.raises(TetragonError, match=f"{TREE}/{name} is not what was installed"):
        host.install(first, layout=layout)

    assert before == host.content()


def test_a_record_with_a_folder_that_was_not_installed(host: Host, first: Path) -> None:
    """Whoever has written it there: what is in it stays."""
    host.install(first)
    host.write("/home/user/letter", "mine")
    content = json.loads(host.at(RECORD).read_text())
    content["trees"].append("/home")
    host.at(RECORD).write_text(json.dumps(content))

    with pytest.raises(TetragonError, match="/home/user/letter is not what was installed"):
        host.install(first)


def test_files_for_a_package(host: Host, first: Path) -> None:
    """No record, no link at boot: a package manager has its own."""
    lines = host.install(first, is_recorded=False, is_enabled=False)

    assert not host.at("/var/lib/tetragon-mini").exists()
    assert [] == [line for line in lines if RECORD in line]


def test_modes_do_not_depend_on_who_installs(
    host: Host, first: Path, umask_of_the_strict: None
) -> None:
    """Everybody may read and run; only root may write."""
    del umask_of_the_strict

    host.install(first)

    assert 0o755 == stat.S_IMODE(host.at(f"{TREE}/tetragon-mini").stat().st_mode)
    assert 0o644 == stat.S_IMODE(host.at(SETTINGS).stat().st_mode)
    assert 0o755 == stat.S_IMODE(host.at("/etc/tetragon/tetragon.tp.d").stat().st_mode)
    assert 0o644 == stat.S_IMODE(host.at(RECORD).stat().st_mode)


def test_the_record_names_every_file(host: Host, first: Path) -> None:
    """With a digest each, also those of the tree."""
    before = host.content()
    host.install(first)

    marks = json.loads(host.at(RECORD).read_text())["marks"]

    new = {f"/{path}" for path in host.content().keys() - before.keys()}
    files = {path for path in new if host.at(path).is_symlink() or host.at(path).is_file()}
    assert files - {RECORD} == marks.keys()
