# SPDX-License-Identifier: Apache-2.0
"""Policies that enforce outlive their agent, and the next one takes their place without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.fake_engine import policy_text
from server.successive import GRPC, STATIC, Host, killing
from tetragon_core.errors import UsageError
from tetragon_server.policies.entry import PolicyMode, PolicyState
from tetragon_server.policies.reading import read_policy

if TYPE_CHECKING:
    from pathlib import Path

    from server.harness import Api


@pytest.fixture
def host(api: Api, tmp_path: Path) -> Host:
    """A machine with an agent that has a file with a policy that enforces."""
    made = Host(api, tmp_path / "tp")
    made.write(killing())
    made.start()
    return made


def test_make_before_break(host: Host) -> None:
    """The old programs are detached once the new ones are attached and pinned."""
    (old,) = host.engine.pins
    host.crash()

    host.start()

    (new,) = host.engine.pins
    assert [("load", "a"), ("detach", old.name), ("remove", old.name)] == host.engine.calls
    assert new is not old
    assert ["v1"] == host.attached()
    host.stop()


def test_since_and_ledger_go_on(host: Host) -> None:
    """Over several agents, with what was counted while none ran; each is counted once."""
    first_ns = host.entry().since_ns
    for number in range(3):
        host.engine.attached[0].more = {"attempts": 10, "signal": 4, "last_errno": 3}
        host.crash()
        host.engine.pins[0].policy.more["attempts"] += 1
        host.start()
        assert 11 * (number + 1) == host.entry().counters()["attempts"]

    counters = host.entry().counters()
    assert (33, 12, 7) == tuple(counters[name] for name in ("attempts", "signal", "posted"))
    assert "last_errno" not in counters
    assert first_ns == host.entry().since_ns
    host.stop()


def test_an_agent_that_dies_while_it_takes_over(host: Host) -> None:
    """What the next one finds is counted once, whenever it was."""
    host.engine.attached[0].more = {"attempts": 5}
    host.crash()
    (old,) = host.engine.pins
    host.start()
    host.crash()
    host.engine.pins.insert(0, old)  # it ended before this was removed

    host.start()

    assert 5 == host.entry().counters()["attempts"]
    assert ["v1"] == host.attached()
    host.stop()


def test_what_came_over_grpc(host: Host) -> None:
    """It is loaded again from what the pins remember, in the mode that was set by hand."""
    (host.directory / "a.yaml").unlink()
    host.crash()
    host.start()
    host.add(killing("v2"))
    host.api.run(host.policies.manager.configure(GRPC, mode=PolicyMode.MONITOR))
    host.crash()

    host.start()

    entry = host.entry()
    assert (GRPC, PolicyMode.MONITOR) == (entry.key, entry.mode)
    assert [True] == [one.is_monitored for one in host.engine.attached]
    assert ["v2"] == host.attached()
    host.stop()


def test_the_mode_of_a_file_that_changed(host: Host) -> None:
    """A mode set by hand goes on; not if the author asks for another one than before."""
    host.api.run(host.policies.manager.configure(STATIC, mode=PolicyMode.MONITOR))
    host.crash()
    host.write(killing("v2"))
    host.start()
    assert PolicyMode.MONITOR is host.entry().mode
    host.crash()

    host.write(killing("v3") + "  options:\n    - name: policy-mode\n      value: enforce\n")
    host.start()

    assert PolicyMode.ENFORCE is host.entry().mode
    host.stop()


def test_a_policy_that_killed_too_often(host: Host) -> None:
    """It still only monitors, and the list still says why."""
    host.engine.attached[0].fall_back()
    host.crash()

    host.start()

    assert PolicyMode.MONITOR is host.entry().mode
    assert "it only monitors" in host.entry().fallback
    host.stop()


def test_a_file_that_is_gone(host: Host) -> None:
    """Its policy is removed, and not listed."""
    host.crash()
    (host.directory / "a.yaml").unlink()

    host.start()

    assert ([], []) == (list(host.policies.manager.entries()), host.attached())
    host.stop()


@pytest.mark.parametrize("text", ["kind: nonsense\n", killing(message="refuse")])
def test_a_file_that_cannot_be_used_any_more(host: Host, text: str) -> None:
    """The version an earlier agent had goes on, and follows the file again."""
    host.crash()
    host.write(text)

    host.start()

    assert ["v1"] == host.attached()
    assert PolicyState.ENABLED is host.entry().state
    assert "version an earlier agent had loaded" in host.entry().error
    host.write(killing("v2"))
    host.api.run(follow(host))
    assert (["v2"], "") == (host.attached(), host.entry().error)
    (host.directory / "a.yaml").unlink()
    host.api.run(follow(host))
    assert [] == host.attached()
    host.stop()


async def follow(host: Host) -> None:
    """What a change of the directory makes the agent do."""
    directory = host.policies._restoring.directory  # the watch is tested elsewhere
    assert directory is not None
    await directory.follow()


def test_a_policy_that_cannot_be_loaded_again(host: Host) -> None:
    """What is attached stays, the list says so, and deleting the policy removes it."""
    host.crash()

    host.start(refused="v1")

    assert ["v1"] == host.attached()
    assert PolicyState.LOAD_ERROR is host.entry().state
    assert "an earlier agent loaded of it still enforces" in host.entry().error
    host.api.run(host.policies.manager.delete(STATIC))
    assert ([], []) == (host.attached(), list(host.policies.manager.entries()))
    host.stop()


def test_a_policy_that_can_be_loaded_later(host: Host) -> None:
    """Then it takes the place of what was left."""
    host.crash()
    host.start(refused="v1")
    host.write(killing("v2"))

    host.api.run(follow(host))

    assert (["v2"], 1) == (host.attached(), len(host.engine.pins))
    host.stop()


def test_an_agent_that_cannot_start(host: Host, tmp_path: Path) -> None:
    """It leaves what was there, and nothing of its own."""
    before = list(host.engine.pins)
    host.crash()

    with pytest.raises(UsageError, match="refused"):
        host.start(tracing_policy=(str(bad_file(tmp_path)),))
    host.stop()

    assert before == host.engine.pins
    assert ["v1"] == host.attached()


def bad_file(directory: Path) -> Path:
    """One that keeps an agent from starting."""
    path = directory / "bad.yaml"
    path.write_text("kind: nonsense\n")
    return path


@pytest.mark.parametrize(
    ("keep", "is_clean", "expected"),
    [(False, True, []), (True, True, ["v1"]), (False, False, ["v1"])],
    ids=["stop", "stop and keep", "error"],
)
def test_the_end(host: Host, *, keep: bool, is_clean: bool, expected: list[str]) -> None:
    """A stop removes all, unless the settings want otherwise; an error removes nothing."""
    host.stop()
    host.write(policy_text("b", call="reports"), "b.yaml")
    host.start(keep_sensors_on_exit=keep)

    host.stop(is_clean=is_clean)

    assert [] == host.engine.attached
    assert expected == [one.policy.hooks[0].name for one in host.engine.pins]


def test_a_stop_removes_what_could_not_be_taken_over(host: Host) -> None:
    """Nothing is left behind by two agents either."""
    host.crash()
    host.start(refused="v1")

    host.stop()

    assert [] == host.engine.pins


def test_pins_follow_the_policy(host: Host) -> None:
    """They go when it is disabled, come when it is enabled, and change with its version."""
    manager = host.policies.manager
    host.api.run(manager.configure(STATIC, enable=False))
    assert [] == host.engine.pins
    host.api.run(manager.configure(STATIC, enable=True))
    assert killing() == host.record().text
    since_ns = host.entry().since_ns
    host.engine.attached[0].more = {"attempts": 3}

    host.api.run(manager.replace(STATIC, read_policy(killing("v2"), "a.yaml")))

    assert (killing("v2"), {"attempts": 3}) == (host.record().text, host.record().earlier)
    assert since_ns == host.entry().since_ns == host.record().since_ns
    host.api.run(manager.delete(STATIC))
    assert [] == host.engine.pins
    host.stop()


@pytest.mark.parametrize(
    ("message", "reason"), [("unkept", "no BPF file system"), ("half kept", "old kernel")]
)
def test_what_ends_with_the_agent_is_told(host: Host, message: str, reason: str) -> None:
    """It is loaded all the same, with a warning that has the reason."""
    entry = host.add(killing("v2", message=message))

    assert PolicyState.ENABLED is entry.state
    assert (f"what it does ends with the agent: {reason}",) == entry.warnings
    host.stop()


def test_policies_that_only_report_are_not_kept(host: Host) -> None:
    """They have nothing that has to go on."""
    host.stop()
    host.write(policy_text("a"))

    host.start()

    assert [] == host.engine.pins
    host.stop()


def test_pins_that_nobody_understands(host: Host) -> None:
    """They are removed: what they do cannot be told."""
    host.crash()
    host.engine.pins[0].packed = b"{}"

    host.start()

    assert ["v1"] == host.attached()
    assert 1 == len(host.engine.pins)
    host.stop()


def test_hits_nobody_received(host: Host) -> None:
    """They are a loss that is counted."""
    host.crash()
    host.unreceived = 17

    host.start()

    assert 17 == host.unattended()
    host.stop()
