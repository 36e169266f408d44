# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: what may change changes, all or nothing, and each change is told."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from server.fake_engine import policy_text
from server.harness import DEADLINE_S, wait_until
from tetragon_core.errors import UsageError
from tetragon_server.config import AgentConfig
from tetragon_server.logs import ConfiguredLevel, current_level, set_level
from tetragon_server.settings.reloading import Reloading

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT: Final = Path(__file__).with_name("settings_agent.py")
OLD: Final = AgentConfig(log_level="info", cluster_name="old")
NEW: Final = AgentConfig(log_level="debug", cluster_name="new", others=(("verbose", "1"),))


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    """Message of each line, and the option or error it is about."""
    attrs = [getattr(record, "attrs", {}) for record in caplog.records]
    return [
        (record.getMessage(), one.get("option", one.get("error", one.get("changed"))))
        for record, one in zip(caplog.records, attrs, strict=True)
    ]


@pytest.fixture(autouse=True)
def _all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_changes_are_applied_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Parts get what may change; the rest waits for a restart, and says so each time."""
    seen: list[AgentConfig] = []
    reloading = Reloading(OLD, lambda: NEW, [seen.append])

    reloading.reload()

    expected = AgentConfig(log_level="debug", cluster_name="old", others=NEW.others)
    assert ([expected], expected) == (seen, reloading.config)
    assert [
        ("a changed setting needs a restart", "cluster-name"),
        ("a setting was changed", "log-level"),
        ("settings were read again", 1),
    ] == told(caplog)


def test_parts_are_called_without_a_change(caplog: pytest.LogCaptureFixture) -> None:
    """Files they have open may have been moved away."""
    seen: list[AgentConfig] = []

    Reloading(OLD, None, [seen.append]).reload()

    assert [OLD] == seen
    assert [("settings were read again", 0)] == told(caplog)


def test_settings_that_cannot_be_read_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """One line says why."""

    def reread() -> AgentConfig:
        raise UsageError("a typing error")

    seen: list[AgentConfig] = []
    reloading = Reloading(OLD, reread, [seen.append])

    reloading.reload()

    assert ([], OLD) == (seen, reloading.config)
    assert [("the settings stay as they were", "a typing error")] == told(caplog)


def test_settings_that_do_not_fit_change_nothing() -> None:
    """They are checked as at the start."""
    reloading = Reloading(OLD, lambda: AgentConfig(bpf_dir="a.b"))

    reloading.reload()

    assert OLD == reloading.config


@pytest.mark.parametrize("error", [UsageError("no"), OSError("no")], ids=["usage", "os"])
def test_a_part_that_refuses_gets_all_of_it_undone(error: Exception) -> None:
    """No part keeps settings that another one does not have."""
    first: list[AgentConfig] = []
    refusing: list[AgentConfig] = []
    never: list[AgentConfig] = []

    def refuse(config: AgentConfig) -> None:
        refusing.append(config)
        if config.log_level == "debug":
            raise error

    reloading = Reloading(OLD, lambda: NEW, [first.append, refuse, never.append])

    reloading.reload()

    assert (["debug", "info"], ["debug", "info"], [], OLD) == (
        [one.log_level for one in first],
        [one.log_level for one in refusing],
        never,
        reloading.config,
    )


def test_a_level_set_by_hand_outlives_a_reload() -> None:
    """Unless the setting itself has changed."""
    before = logging.getLogger().level
    try:
        level = ConfiguredLevel(OLD)
        set_level("error")
        level.reload(OLD)
        kept = current_level()
        level.reload(NEW)

        assert ("error", "debug") == (kept, current_level())
    finally:
        logging.getLogger().setLevel(before)


def test_an_unknown_level_is_refused() -> None:
    """A start would go on with `info`; a running agent keeps what it has."""
    with pytest.raises(UsageError, match="log-level is 'loud'; write one of trace, debug"):
        ConfiguredLevel(OLD).reload(AgentConfig(log_level="loud"))


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Return a directory of settings, with policies beside it."""
    (tmp_path / "settings").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "settings/tracing-policy-dir").write_text(f"{tmp_path}/policies", encoding="utf-8")
    return tmp_path / "settings"


class Running:
    """An agent whose log is read as it grows."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self._read = 0

    def hang_up(self) -> None:
        """Make it read its settings again."""
        self.process.send_signal(signal.SIGHUP)

    def said_until(self, word: str) -> str:
        """What is new in its log, up to the line with `word`."""
        wait_until(lambda: word in self._new(), f"the line with {word!r}")
        text = self._new()
        end = text.index("\n", text.index(word))
        self._read += end
        return text[:end]

    def _new(self) -> str:
        """Whole lines only."""
        text = self._log.read_text(encoding="utf-8")[self._read :]
        return text[: text.rfind("\n") + 1]


@pytest.fixture
def agent(tmp_path: Path, settings: Path) -> Iterator[Running]:
    """Return a running agent with these settings."""
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, str(AGENT), str(tmp_path / "run"), str(settings)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            yield Running(process, log)
        finally:
            process.kill()


def test_a_running_agent_follows_its_files(agent: Running, settings: Path, tmp_path: Path) -> None:
    """A good change, a broken one, and a policy that came meanwhile."""
    agent.said_until("agent is ready")
    (settings / "log-level").write_text("debug", encoding="utf-8")
    (settings / "cluster-nmae").write_text("c", encoding="utf-8")
    agent.hang_up()
    good = agent.said_until("settings were read again")

    (settings / "log-level").write_text("loud", encoding="utf-8")
    agent.hang_up()
    unknown = agent.said_until("stay as they were")

    (settings / "rb-size").write_text("3x", encoding="utf-8")
    agent.hang_up()
    broken = agent.said_until("stay as they were")

    (tmp_path / "policies/p.yaml").write_text(policy_text("p"), encoding="utf-8")
    (settings / "rb-size").unlink()
    (settings / "log-level").write_text("info", encoding="utf-8")
    agent.hang_up()
    loaded = agent.said_until("a policy was loaded")
    agent.process.terminate()

    assert 0 == agent.process.wait(DEADLINE_S)
    assert f"cluster-nmae in {settings}/cluster-nmae is no option" in good
    assert "option=log-level before=info wanted=debug" in good
    assert "log-level is 'loud'" in unknown
    assert f"rb-size in {settings}/rb-size" in broken
    assert "name=p" in loaded
