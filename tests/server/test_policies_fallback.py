# SPDX-License-Identifier: Apache-2.0
"""Policies that killed too often: what is noted, shown and counted, and how they enforce again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from server.fake_engine import policy_text
from server.managed import KILLS, Managed
from server.measured import series, sources
from tetragon import sensors_pb2 as pb
from tetragon_core.stats import Counter
from tetragon_server.policies.entry import PolicyMode

if TYPE_CHECKING:
    import pytest

    from server.policy_agent import PolicyAgent

WHY = (
    "it killed more than 60 times within a minute, so it only monitors; to let it enforce again:"
    " tetragon-mini tracingpolicy set-mode a enforce"
)

OF_A_POLICY = {
    "tetragon_tracingpolicy_kernel_memory_bytes": "policy",
    "tetragon_tracingpolicy_selector_actions_total": "action",
    "tetragon_mini_policy_enforcement_total": "outcome",
    "tetragon_mini_policy_fell_back": "policy",
}
"""Metrics, and the label that tells their series apart here."""


def test_a_policy_that_falls_back(caplog: pytest.LogCaptureFixture) -> None:
    """It is told once, logged as an error and counted; others are left alone."""
    managed = Managed()

    async def test() -> None:
        entry, policy = await managed.add("a")
        other, _ = await managed.add("b")
        assert [] == managed.manager.new_fallbacks()

        policy.fall_back()

        assert [entry] == managed.manager.new_fallbacks()
        assert [] == managed.manager.new_fallbacks()
        assert ("TP_MODE_MONITOR", WHY) == (entry.mode.value, entry.fallback)
        assert ("TP_MODE_ENFORCE", "") == (other.mode.value, other.fallback)
        assert 1 == managed.manager.counters()[Counter.POLICY_FALLBACKS]

    managed.run(test())

    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "a policy enforces no more" == record.message
    assert WHY == vars(record)["attrs"]["why"]


def test_a_policy_that_enforces_again() -> None:
    """set-mode ends a fall-back, and the next one is told again."""
    managed = Managed()

    async def test() -> None:
        entry, policy = await managed.add("a")
        policy.fall_back()
        managed.manager.new_fallbacks()

        await managed.manager.configure(entry.key, mode=PolicyMode.ENFORCE)

        assert ("TP_MODE_ENFORCE", "") == (entry.mode.value, entry.fallback)
        assert [] == managed.manager.new_fallbacks()
        policy.fall_back()
        assert [entry] == managed.manager.new_fallbacks()

    managed.run(test())


def test_a_limit_of_its_own() -> None:
    """The policy's option is what the list shows, not the agent's setting."""
    managed = Managed()
    option = "  options:\n    - name: max-kills-per-minute\n      value: '5'\n"

    async def test() -> None:
        limits = [(await managed.add(*one))[0].max_kills for one in (("a",), ("b", KILLS + option))]
        assert [60, 5] == limits

    managed.run(test())


def test_a_fallback_in_the_list(agent: PolicyAgent) -> None:
    """Clients of any kind see the mode and why; ours also see that it fell back."""
    agent.add(policy_text("a", more=KILLS))
    agent.engine.attached[0].fall_back()
    agent.api.call(agent.policies.manager.new_fallbacks)

    status = agent.one()

    assert (pb.TP_MODE_MONITOR, pb.TP_STATE_ENABLED) == (status.mode, status.state)
    assert status.fell_back
    assert status.error.startswith("it killed more than 0 times within a minute")


def test_metrics_of_policies_that_enforce(agent: PolicyAgent) -> None:
    """Actions that were taken, outcomes, and the fall; a series comes once whatever the domain."""
    for domain in ("grpc", "mine"):
        agent.add(policy_text("a", more=KILLS), domain)
    agent.add(policy_text("b"))
    agent.delete("b")
    for policy in agent.engine.attached:
        policy.more = {"signal": 2, "override": 0, "attempts": 3, "spared": 1, "failed": 0}
    agent.engine.attached[0].fall_back()
    agent.api.call(agent.policies.manager.new_fallbacks)

    measured = sources(policies=agent.policies.manager.entries)
    found = {
        name: {dict(labels)[key]: count for labels, count in series(measured, name).items()}
        for name, key in OF_A_POLICY.items()
    }

    assert {
        "tetragon_tracingpolicy_kernel_memory_bytes": {"a": 8192},
        "tetragon_tracingpolicy_selector_actions_total": {"post": 14, "signal": 4},
        "tetragon_mini_policy_enforcement_total": {"attempts": 6, "spared": 2, "failed": 0},
        "tetragon_mini_policy_fell_back": {"a": 1},
    } == found
