# SPDX-License-Identifier: Apache-2.0
"""The settings file of a new installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_server.config import OPTIONS, AgentConfig
from tetragon_server.settings.reading import read_settings
from tetragon_server.settings.sources import Places
from tetragon_server.settings.starting_file import SERVICE_SETTINGS, starting_file

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, text: str) -> AgentConfig:
    path.write_text(text)
    return read_settings({}, {}, Places(packaged=(), files=(path,), admin=path / "none")).config


def test_as_it_is_it_sets_what_a_service_needs(tmp_path: Path) -> None:
    """Everything else is at its default."""
    config = read(tmp_path / "tetragon.yaml", starting_file())

    values = {one.name: getattr(config, one.field_name) for one in OPTIONS}
    changed = {one.name for one in OPTIONS if values[one.name] != one.default}
    assert SERVICE_SETTINGS.keys() == changed
    assert "unix:///var/run/tetragon/tetragon.sock" == config.server_address
    assert config.keep_sensors_on_exit is True


def test_what_is_shown_is_the_default(tmp_path: Path) -> None:
    """Without the # in front of it no line changes anything."""
    lines = starting_file().splitlines()
    settings = [
        line[1:] for line in lines if line.startswith("#") and not line.startswith(("# ", "#\n"))
    ]

    config = read(tmp_path / "tetragon.yaml", "\n".join(line for line in settings if line))

    assert AgentConfig() == config


def test_every_option_that_is_not_hidden_is_there() -> None:
    """Once each."""
    lines = starting_file().splitlines()
    entries = [line.lstrip("#").partition(":")[0] for line in lines if not line.startswith("# ")]

    names = [name for name in entries if name]

    assert sorted(one.name for one in OPTIONS if not one.hidden) == sorted(names)
