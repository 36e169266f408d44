# SPDX-License-Identifier: Apache-2.0
"""Policies that enforce: their modes, what gRPC may do to them, and their ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.fake_engine import policy_text
from server.managed import KILLS, TIME_NS, Managed
from server.policy_agent import PolicyAgent, policy_agent
from tetragon import sensors_pb2 as pb
from tetragon_server.config import AgentConfig
from tetragon_server.policies.entry import PolicyMode
from tetragon_server.policies.reading import read_policy

if TYPE_CHECKING:
    from pathlib import Path

    from server.fake_engine import FakePolicy

MONITORED = """\
  options:
    - name: policy-mode
      value: monitor
"""


def loaded(agent: PolicyAgent) -> FakePolicy:
    """The only policy as the engine has it."""
    (policy,) = agent.engine.attached
    return policy


def test_set_mode(agent: PolicyAgent) -> None:
    """The engine is told, the list shows it, and nothing is loaded again."""
    agent.add(policy_text("a", more=KILLS))
    assert pb.TP_MODE_ENFORCE == agent.one().mode

    agent.configure("a", mode=pb.TP_MODE_MONITOR)

    assert (True, pb.TP_MODE_MONITOR) == (loaded(agent).is_monitored, agent.one().mode)

    agent.configure("a", mode=pb.TP_MODE_ENFORCE)

    assert (False, pb.TP_MODE_ENFORCE) == (loaded(agent).is_monitored, agent.one().mode)
    assert ["load", "monitor", "enforce"] == [what for what, _ in agent.engine.calls]


def test_set_mode_that_fails(agent: PolicyAgent) -> None:
    """The list goes on showing what is true."""
    agent.add(policy_text("a", more=KILLS, message="stuck"))

    words = agent.error(agent.configure, "a", mode=pb.TP_MODE_MONITOR)

    assert "it does not let go" == words
    assert pb.TP_MODE_ENFORCE == agent.one().mode


def test_the_mode_of_the_file(agent: PolicyAgent) -> None:
    """The option policy-mode decides how a policy starts."""
    agent.add(policy_text("a", more=KILLS + MONITORED))

    assert pb.TP_MODE_MONITOR == agent.one().mode


def test_the_mode_of_a_disabled_policy(agent: PolicyAgent) -> None:
    """It is what it will be once it is enabled; it cannot be set meanwhile."""
    agent.add(policy_text("a", more=KILLS))
    agent.configure("a", mode=pb.TP_MODE_MONITOR)
    agent.configure("a", enable=False)

    assert (pb.TP_MODE_MONITOR, pb.TP_STATE_DISABLED) == (agent.one().mode, agent.one().state)
    words = agent.error(agent.configure, "a", mode=pb.TP_MODE_ENFORCE)
    assert "tracing policy a is not enabled" == words
    agent.configure("a", enable=True)
    assert pb.TP_MODE_MONITOR == agent.one().mode


def test_the_ledger(agent: PolicyAgent) -> None:
    """Actions are Tetragon's counters, what became of attempts is ours."""
    agent.add(policy_text("a", more=KILLS))
    loaded(agent).more = {
        "signal": 1,
        "override": 2,
        "notify_enforcer": 3,
        "set": 4,
        "monitor_signal": 5,
        "monitor_override": 6,
        "monitor_notify_enforcer": 7,
        "monitor_set": 8,
        "attempts": 9,
        "spared": 10,
        "failed": 11,
        "last_errno": 13,
    }

    status = agent.one()

    assert (
        pb.TracingPolicyActionCounters(
            post=7,
            signal=1,
            override=2,
            notify_enforcer=3,
            set=4,
            monitor_signal=5,
            monitor_override=6,
            monitor_notify_enforcer=7,
            monitor_set=8,
        )
        == status.stats.action_counters
    )
    assert pb.EnforcementLedger(attempts=9, spared=10, failed=11, last_errno=13) == (
        status.enforcement
    )


def test_since_when_a_policy_is_attached() -> None:
    """From when it was loaded or enabled until it is disabled."""
    managed = Managed()

    async def test() -> None:
        entry, _ = await managed.add("a")
        seen = [entry.since_ns]
        await managed.manager.configure(entry.key, enable=False)
        seen.append(entry.since_ns)
        await managed.manager.configure(entry.key, enable=True)
        seen.append(entry.since_ns)
        assert [TIME_NS, 0, TIME_NS] == seen

    managed.run(test())


def edited(text: str) -> str:
    return text.replace("do_nothing", "do_something")


@pytest.mark.parametrize(
    ("old", "chosen", "new", "expected"),
    [
        (KILLS, None, KILLS, False),
        (KILLS, PolicyMode.MONITOR, KILLS, True),
        (KILLS + MONITORED, PolicyMode.ENFORCE, KILLS + MONITORED, False),
        (KILLS + MONITORED, PolicyMode.ENFORCE, KILLS, False),
        (KILLS, PolicyMode.MONITOR, KILLS + MONITORED.replace("monitor", "enforce"), False),
        (KILLS, None, KILLS + MONITORED, True),
    ],
    ids=["none", "made harmless", "made sharp", "file changes", "file insists", "file only"],
)
def test_the_mode_of_a_new_version(
    old: str, chosen: PolicyMode | None, new: str, *, expected: bool
) -> None:
    """What was set by hand stays, from the first moment on, unless the file's own mode changes."""
    managed = Managed()

    async def test() -> None:
        entry, _ = await managed.add("a", old)
        if chosen is not None:
            await managed.manager.configure(entry.key, mode=chosen)
        before = len(managed.engine.calls)

        read = read_policy(edited(policy_text("a", more=new)))
        fresh = await managed.manager.replace(entry.key, read)

        assert expected == managed.engine.attached[-1].is_monitored
        assert (fresh.mode is PolicyMode.MONITOR) == expected
        assert [("load", "a"), ("close", "a")] == managed.engine.calls[before:]

    managed.run(test())


@pytest.fixture
def harmless(tmp_path: Path) -> Any:
    """An agent with --reject-enforcement."""
    config = AgentConfig(tracing_policy_dir="", reject_enforcement=True)
    with policy_agent(tmp_path, config) as agent:
        yield agent


REFUSED = (
    "tracing policy a would enforce, which --reject-enforcement forbids to clients; add it in mode"
    " monitor, or let it load the policy from a file"
)


def test_enforcement_that_is_rejected(harmless: PolicyAgent) -> None:
    """Neither add nor set-mode makes a policy enforce, and nothing of it is loaded."""
    assert REFUSED == harmless.error(harmless.add, policy_text("a", more=KILLS))
    assert [] == harmless.list()

    harmless.add(policy_text("a", more=KILLS + MONITORED))
    words = harmless.error(harmless.configure, "a", mode=pb.TP_MODE_ENFORCE, enable=False)

    assert REFUSED == words
    assert (pb.TP_MODE_MONITOR, pb.TP_STATE_ENABLED) == (harmless.one().mode, harmless.one().state)
    assert ["load"] == [what for what, _ in harmless.engine.calls]


def test_what_is_not_rejected(harmless: PolicyAgent) -> None:
    """Policies that only watch, making one monitor, and those that come in a file."""
    harmless.add(policy_text("a"))
    harmless.delete("a")
    read = read_policy(policy_text("a", more=KILLS))
    harmless.api.run(harmless.policies.manager.add(read, "static"))
    assert pb.TP_MODE_ENFORCE == harmless.one().mode

    harmless.configure("a", mode=pb.TP_MODE_MONITOR, domain="static")

    assert pb.TP_MODE_MONITOR == harmless.one().mode
