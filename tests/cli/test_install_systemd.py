# SPDX-License-Identifier: Apache-2.0
"""What install asks of systemd, by a systemctl that notes it; and where it may put things."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.installed_host import SERVICE
from tetragon_cli.installation import others, systemd
from tetragon_cli.installation.layout import Layout
from tetragon_cli.installation.others import check_place
from tetragon_cli.installation.service import unit_text
from tetragon_cli.installation.systemd import NoManager, Systemd, has_systemd, manager_of
from tetragon_core.errors import PermissionDeniedError, TetragonError

SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>"{folder}/told"
[ ! -e "{folder}/$2" ] || cat "{folder}/$2"
[ ! -e "{folder}/fails" ] || {{ echo "Job failed." >&2; echo "See the log." >&2; exit 1; }}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where systemctl is; it says what is in a file of its command's name."""
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def told(folder: Path) -> list[str]:
    """What systemctl was called with, without the option that it always has."""
    lines = (folder / "told").read_text().splitlines()
    return [line.removeprefix("--no-ask-password ") for line in lines]


def test_words(folder: Path) -> None:
    """A service that failed too often may start again after an upgrade."""
    manager = Systemd()

    manager.look_again()
    manager.start()
    manager.stop()
    manager.disable()

    expected = ["daemon-reload", "reset-failed S", "start S", "stop S", "disable S"]
    assert [one.replace("S", SERVICE) for one in expected] == told(folder)


@pytest.mark.parametrize(
    ("state", "expected"),
    [("active", True), ("activating", True), ("reloading", True), ("failed", False)],
)
def test_states(folder: Path, state: str, *, expected: bool) -> None:
    """One that is about to start runs, too."""
    (folder / "is-active").write_text(f"{state}\n")

    assert expected == Systemd().is_active()


def test_a_refusal(folder: Path) -> None:
    """One line, with systemd's own words."""
    (folder / "fails").touch()

    with pytest.raises(TetragonError) as caught:
        Systemd().start()

    assert f"systemctl start {SERVICE}: Job failed. See the log." == str(caught.value)


def test_no_systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said as such."""
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(TetragonError, match=r"systemctl daemon-reload: .*No such file"):
        Systemd().look_again()


def test_an_image_has_no_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this host is started for it, but units are of use in it."""
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path)
    image = Layout(root=tmp_path)

    assert isinstance(manager_of(image), NoManager)
    assert isinstance(manager_of(Layout()), Systemd)
    assert has_systemd(image)


def test_a_host_without_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither runs it nor could it."""
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path / "none")
    monkeypatch.setattr(systemd, "_PROGRAMS", (tmp_path / "none",))

    assert not manager_of(Layout()).is_there
    assert not has_systemd(Layout())


def test_a_prefix_of_somebody_else(tmp_path: Path) -> None:
    """Who can change the program would be root; /tmp itself is no place either."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)

    with pytest.raises(PermissionDeniedError, match="can be changed by others than root"):
        check_place(Layout(prefix=open_to_all / "mini"))


def test_settings_of_somebody_who_is_not_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can write policies would be root."""
    settings = tmp_path / "tetragon"
    monkeypatch.setattr(others, "_SETTINGS", (tmp_path / "none", settings))
    settings.mkdir()
    check_place(Layout())
    settings.chmod(0o777)

    with pytest.raises(PermissionDeniedError, match="tetragon can be changed by others than root"):
        check_place(Layout())


def test_the_unit_is_for_its_prefix() -> None:
    """No path of another one is left in it."""
    text = unit_text(Path("/opt/x"))

    assert "ExecStart=/opt/x/bin/tetragon-mini agent" in text.splitlines()
    assert "/usr/local" not in text
    assert "@" not in text
