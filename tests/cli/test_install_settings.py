# SPDX-License-Identifier: Apache-2.0
"""What an administrator changes is kept, by upgrades and by uninstall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.installed_host import SETTINGS, UNIT, Host, paths_of, program_tree
from tetragon_cli.installation import service
from tetragon_server.settings import starting_file

if TYPE_CHECKING:
    from pathlib import Path

NEW = f"{SETTINGS}.new"
SAVED = f"{UNIT}.saved"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with a first version."""
    host = Host(tmp_path / "host")
    host.install(program_tree(tmp_path / "first", "first"))
    return host


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Another version."""
    return program_tree(tmp_path / "second", "second")


@pytest.fixture
def other_defaults(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the next version's settings file is; its text."""
    text = "# other defaults\n"
    monkeypatch.setattr(starting_file, "starting_file", lambda: text)
    return text


def test_unchanged_settings_follow_the_defaults(
    host: Host, second: Path, other_defaults: str
) -> None:
    """Nobody has to compare a file that nobody changed."""
    host.install(second)

    assert other_defaults == host.at(SETTINGS).read_text()
    assert not host.at(NEW).exists()


def test_changed_settings_stay(host: Host, second: Path) -> None:
    """With the same defaults there is nothing to tell."""
    mine = host.change(SETTINGS)

    lines = host.install(second)

    assert mine == host.at(SETTINGS).read_text()
    assert not host.at(NEW).exists()
    assert f"keep     {SETTINGS}  (it was changed here)" in lines


def test_both_changed(host: Host, second: Path, other_defaults: str) -> None:
    """The new defaults are beside, until the administrator is done with them."""
    mine = host.change(SETTINGS)

    host.install(second)
    assert (mine, other_defaults) == (host.at(SETTINGS).read_text(), host.at(NEW).read_text())

    host.install(second)
    assert host.at(NEW).exists()

    host.at(NEW).unlink()
    host.install(second)
    assert not host.at(NEW).exists()


def test_settings_of_somebody_else(tmp_path: Path, second: Path) -> None:
    """A file that Tetragon has left is used, and outlasts us."""
    host = Host(tmp_path / "other")
    host.write(SETTINGS, "log-level: debug\n")

    lines = host.install(second)
    assert f"keep     {SETTINGS}  (it was there before)" in lines
    host.uninstall(purge=True)

    assert "log-level: debug\n" == host.at(SETTINGS).read_text()


def test_removed_settings_come_back(host: Host, second: Path) -> None:
    """Who wants to begin anew removes the file."""
    host.at(SETTINGS).unlink()

    lines = host.install(second)

    assert [SETTINGS] == paths_of(lines, "create")


def test_a_unit_that_was_changed(host: Host, second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one counts, because the old one may not fit; the change is not lost."""
    mine = host.change(UNIT)
    monkeypatch.setattr(service, "unit_text", lambda _: "# new\n")

    lines = host.install(second)

    assert ("# new\n", mine) == (host.at(UNIT).read_text(), host.at(SAVED).read_text())
    assert any(line.endswith(f"stays in {SAVED})") for line in lines)


def test_uninstall_names_what_was_changed(host: Host) -> None:
    """It stays with the folders above it, and with --purge it goes too."""
    host.change(SETTINGS)

    lines = host.uninstall()

    assert host.at(SETTINGS).exists()
    assert f"keep     {SETTINGS}  (it was changed; --purge removes it)" in lines
    assert "keep     /etc/tetragon  (it has tetragon.yaml)" in lines
    assert not host.at("/etc/tetragon/tetragon.tp.d").exists()


def test_purge(host: Host) -> None:
    """Changed files go, what others put beside them does not."""
    host.change(SETTINGS)
    host.write("/etc/tetragon/tetragon.tp.d/mine.yaml", "mine")

    host.uninstall(purge=True)

    assert not host.at(SETTINGS).exists()
    assert host.at("/etc/tetragon/tetragon.tp.d/mine.yaml").exists()


def test_something_in_the_tree(host: Host) -> None:
    """Files of others stay where they are, and are named."""
    host.write("/usr/local/lib/tetragon-mini/lib/mine", "mine")

    lines = host.uninstall()

    path = "/usr/local/lib/tetragon-mini/lib/mine"
    assert f"keep     {path}  (it is not what was installed)" in lines
    assert ["usr/local/lib/tetragon-mini/lib/mine"] == [
        name for name in host.content() if name.startswith("usr/local/lib/tetragon-mini/lib/")
    ]
