# SPDX-License-Identifier: Apache-2.0
"""Policies are switched, and changed by several clients, as gRPC shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.fake_engine import FakeEngine, policy_text
from server.harness import DEADLINE_S, connected, running_api, wait_until
from tetragon import sensors_pb2 as pb
from tetragon_core.stats import Counter
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies

if TYPE_CHECKING:
    from pathlib import Path

    from server.policy_agent import PolicyAgent


def test_disable_and_enable(agent: PolicyAgent) -> None:
    """Each is refused in upstream's words when there is nothing to do."""
    agent.add(policy_text("a"))
    assert "tracing policy a is not disabled" == agent.error(agent.configure, "a", enable=True)

    agent.configure("a", enable=False)

    disabled = agent.one()
    assert (pb.TP_STATE_DISABLED, False) == (disabled.state, disabled.enabled)
    assert not disabled.HasField("stats")
    assert "tracing policy a is not enabled" == agent.error(agent.configure, "a", enable=False)

    agent.configure("a", enable=True)

    assert pb.TP_STATE_ENABLED == agent.one().state
    assert ["load", "disable", "enable"] == [what for what, _ in agent.engine.calls]


def test_enable_that_fails(agent: PolicyAgent) -> None:
    """Nothing of the policy is left, and the list says why."""
    agent.add(policy_text("a", message="break"))
    agent.configure("a", enable=False)

    words = agent.error(agent.configure, "a", enable=True)

    assert 'failed to enable tracing policy "a": the kernel has changed its mind' == words
    assert (pb.TP_STATE_LOAD_ERROR, words) == (agent.one().state, agent.one().error)
    assert [] == agent.engine.attached


def test_disable_that_fails(agent: PolicyAgent) -> None:
    """The policy is in state error and can still be deleted."""
    agent.add(policy_text("a", message="stuck"))

    words = agent.error(agent.configure, "a", enable=False)

    assert 'failed to unload tracing policy "a": it does not let go' == words
    assert pb.TP_STATE_ERROR == agent.one().state
    agent.delete("a")
    assert [] == agent.engine.attached


@pytest.mark.parametrize("mode", [pb.TP_MODE_ENFORCE, pb.TP_MODE_MONITOR])
def test_the_mode_of_a_policy_that_only_monitors(agent: PolicyAgent, mode: int) -> None:
    """There is nothing to switch, and it says so; the switch asked for with it is still made."""
    agent.add(policy_text("a"))

    words = agent.error(agent.configure, "a", mode=mode, enable=False)

    assert "cannot set policy mode on a policy that is monitor only" == words
    assert pb.TP_STATE_DISABLED == agent.one().state


def test_modes_that_cannot_be_asked_for(agent: PolicyAgent) -> None:
    """Numbers with and without a name are refused alike."""
    agent.add(policy_text("a"))

    assert "unexpected mode: TP_MODE_MONITOR_ONLY" == agent.error(agent.configure, "a", mode=3)
    assert "unexpected mode: 77" == agent.error(agent.configure, "a", mode=77)


def test_old_rpcs(agent: PolicyAgent) -> None:
    """Those about sensors always refuse; enable and disable name the option that allows them."""
    for rpc, request in (
        ("ListSensors", pb.ListSensorsRequest()),
        ("EnableSensor", pb.EnableSensorRequest()),
        ("DisableSensor", pb.DisableSensorRequest()),
        ("RemoveSensor", pb.RemoveSensorRequest()),
    ):
        assert f"{rpc} is deprecated" == agent.error(getattr(agent.client, rpc), request)
    enable = agent.error(agent.client.EnableTracingPolicy, pb.EnableTracingPolicyRequest())
    assert "--enable-deprecated-tracingpolicy-grpc" in enable


def test_old_rpcs_when_they_are_allowed(tmp_path: Path) -> None:
    """With that option they switch the policy."""
    config = AgentConfig(tracing_policy_dir="", enable_deprecated_tracingpolicy_grpc=True)
    policies = Policies(config, lambda _: FakeEngine())
    with running_api(tmp_path, more=policies.rpcs.answers()) as api, connected(api) as client:
        client.AddTracingPolicy(pb.AddTracingPolicyRequest(yaml=policy_text("a")))

        client.DisableTracingPolicy(pb.DisableTracingPolicyRequest(name="a"))
        (disabled,) = client.ListTracingPolicies(pb.ListTracingPoliciesRequest()).policies
        client.EnableTracingPolicy(pb.EnableTracingPolicyRequest(name="a"))
        (enabled,) = client.ListTracingPolicies(pb.ListTracingPoliciesRequest()).policies

        api.run(policies.close())
    assert (pb.TP_STATE_DISABLED, pb.TP_STATE_ENABLED) == (disabled.state, enabled.state)


def test_the_agent_answers_while_a_policy_is_loaded(agent: PolicyAgent) -> None:
    """Loading takes place beside the event loop, and the list shows it."""
    future = agent.client.AddTracingPolicy.future(
        pb.AddTracingPolicyRequest(yaml=policy_text("slow", message="wait"))
    )
    assert agent.engine.waiting.wait(DEADLINE_S)

    assert pb.TP_STATE_LOADING == agent.one().state

    agent.engine.go_on.set()
    future.result(DEADLINE_S)
    assert pb.TP_STATE_ENABLED == agent.one().state
    assert 1 == len(agent.engine.threads)


def test_a_client_that_goes_away_while_its_policy_is_loaded(agent: PolicyAgent) -> None:
    """The policy is loaded and listed all the same, and can be deleted."""
    future = agent.client.AddTracingPolicy.future(
        pb.AddTracingPolicyRequest(yaml=policy_text("slow", message="wait"))
    )
    assert agent.engine.waiting.wait(DEADLINE_S)

    future.cancel()
    agent.engine.go_on.set()

    wait_until(lambda: agent.one().state == pb.TP_STATE_ENABLED, "the policy")
    agent.delete("slow")
    assert [] == agent.engine.attached


def test_changes_come_one_after_the_other(agent: PolicyAgent) -> None:
    """A delete that comes while the policy is loaded waits for it."""
    add = agent.client.AddTracingPolicy.future(
        pb.AddTracingPolicyRequest(yaml=policy_text("slow", message="wait"))
    )
    assert agent.engine.waiting.wait(DEADLINE_S)
    delete = agent.client.DeleteTracingPolicy.future(pb.DeleteTracingPolicyRequest(name="slow"))
    agent.engine.go_on.set()

    add.result(DEADLINE_S)
    delete.result(DEADLINE_S)

    assert [("load", "slow"), ("close", "slow")] == agent.engine.calls


def test_a_hundred_policies(agent: PolicyAgent) -> None:
    """They are listed in the order they came, and nothing is left of them in the end."""
    names = [f"p{number}" for number in range(100)]
    for name in names:
        agent.add(policy_text(name))

    assert names == [one.name for one in agent.list()]
    for name in names:
        agent.delete(name)
    assert [] == agent.engine.attached


def test_counters_outlive_policies(agent: PolicyAgent) -> None:
    """What a policy missed is counted after it is gone; what the engine lost is a loss too."""
    agent.add(policy_text("a"))
    agent.delete("a")
    agent.add(policy_text("a"))
    agent.engine.losses["LOST_HIT"] = 5
    read = agent.policies.manager.counters

    expected = {
        Counter.HOOK_MISSED: 6,
        Counter.RING_LOST_HOOK: 5,
        Counter.POLICY_FALLBACKS: 0,
        Counter.HOOK_UNATTENDED: 0,
    }
    assert expected == agent.api.call(read)
    agent.configure("a", enable=False)
    assert 6 == agent.api.call(read)[Counter.HOOK_MISSED]
    agent.configure("a", enable=True)
    assert 6 == agent.api.call(read)[Counter.HOOK_MISSED]
    assert 5 == agent.policies.manager.losses()
