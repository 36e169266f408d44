# SPDX-License-Identifier: Apache-2.0
"""The rpcs about policies, as an independent gRPC library sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from server.fake_engine import FakeEngine, policy_text
from server.harness import DEADLINE_S, Api, connected, running_api, wait_until
from tetragon import sensors_pb2 as pb
from tetragon_core.stats import Counter
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Agent:
    """A client of a server that has policies, and the engine behind it."""

    def __init__(self, api: Api, client: Any, policies: Policies, engine: FakeEngine) -> None:
        self.api = api
        self.client = client
        self.policies = policies
        self.engine = engine

    def add(self, text: str, domain: str = "") -> Any:
        """AddTracingPolicy."""
        request = pb.AddTracingPolicyRequest(yaml=text, domain=domain)
        return self.client.AddTracingPolicy(request, timeout=DEADLINE_S)

    def configure(self, name: str, **fields: Any) -> None:
        """ConfigureTracingPolicy."""
        request = pb.ConfigureTracingPolicyRequest(name=name, **fields)
        self.client.ConfigureTracingPolicy(request, timeout=DEADLINE_S)

    def delete(self, name: str, **fields: Any) -> None:
        """DeleteTracingPolicy."""
        request = pb.DeleteTracingPolicyRequest(name=name, **fields)
        self.client.DeleteTracingPolicy(request, timeout=DEADLINE_S)

    def list(self, domain: str = "") -> list[pb.TracingPolicyStatus]:
        """What ListTracingPolicies says."""
        request = pb.ListTracingPoliciesRequest(domain=domain)
        return list(self.client.ListTracingPolicies(request, timeout=DEADLINE_S).policies)

    def one(self) -> pb.TracingPolicyStatus:
        """The only policy."""
        (status,) = self.list()
        return status

    def error(self, call: Any, *args: Any, **fields: Any) -> str:
        """The words of a refused call; its code is always upstream's."""
        with pytest.raises(grpc.RpcError) as caught:
            call(*args, **fields)
        assert grpc.StatusCode.UNKNOWN == caught.value.code()
        return str(caught.value.details())


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    engine = FakeEngine()
    policies = Policies(AgentConfig(tracing_policy_dir=""), lambda: engine)
    with running_api(tmp_path, more=policies.rpcs.answers()) as api, connected(api) as client:
        yield Agent(api, client, policies, engine)
        engine.go_on.set()
        api.run(policies.close())
    assert [] == engine.attached


def test_a_policy_from_add_to_delete(agent: Agent) -> None:
    """It is attached when add returns, listed with all it has, and gone after delete."""
    agent.add(policy_text("first", call="tcp_connect"))

    assert [("load", "first")] == agent.engine.calls
    expected = pb.TracingPolicyStatus(
        id=2,
        name="first",
        sensors=["generic_kprobe"],
        enabled=True,
        state=pb.TP_STATE_ENABLED,
        kernel_memory_bytes=4096,
        mode=pb.TP_MODE_MONITOR_ONLY,
        stats=pb.TracingPolicyStats(action_counters=pb.TracingPolicyActionCounters(post=7)),
        domain="grpc",
        hook_statuses=[
            pb.HookStatus(
                section="kprobes",
                state=pb.STATUS_LOADED,
                hook_description="tcp_connect",
                method="fentry",
            )
        ],
        missed=3,
    )
    assert expected == agent.one()

    agent.delete("first")

    assert [] == agent.list()
    assert ("close", "first") == agent.engine.calls[-1]


def test_ids_are_never_used_again(agent: Agent) -> None:
    """They grow from 2 with every add."""
    agent.add(policy_text("a"))
    agent.delete("a")
    agent.add(policy_text("a"))
    agent.add(policy_text("b"))

    assert [("a", 3), ("b", 4)] == [(one.name, one.id) for one in agent.list()]


def test_domains_keep_names_apart(agent: Agent) -> None:
    """One name in two domains is two policies; delete without a domain reaches grpc alone."""
    agent.add(policy_text("a"))
    agent.add(policy_text("a"), domain="mine")

    domains = agent.client.ListDomains(pb.ListDomainsRequest(), timeout=DEADLINE_S).domains
    agent.delete("a")

    assert ["grpc", "mine"] == list(domains)
    assert "mine" == agent.one().domain
    assert [] == agent.list("grpc")
    assert "domain sensors is reserved" in agent.error(agent.add, policy_text("b"), "sensors")


def test_the_same_key_twice(agent: Agent) -> None:
    """It is refused in upstream's words, and the first one goes on."""
    agent.add(policy_text("a"))

    words = agent.error(agent.add, policy_text("a"))

    assert (
        "failed to add tracing policy grpc:a, a sensor collection with the key already exists"
        == words
    )
    assert pb.TP_STATE_ENABLED == agent.one().state


def test_a_policy_that_is_refused(agent: Agent) -> None:
    """All its problems come back; it stays listed with them until a better one takes its place."""
    agent.add(policy_text("good"))

    words = agent.error(agent.add, policy_text("bad", message="refuse"))

    assert [
        "7:13: spec.kprobes[0].call: no such function",
        "7:13: spec.kprobes[0].call: and more",
    ] == words.splitlines()
    good, bad = agent.list()
    assert (pb.TP_STATE_ENABLED, pb.TP_STATE_LOAD_ERROR) == (good.state, bad.state)
    assert words == bad.error
    assert not bad.HasField("stats")
    assert pb.TP_MODE_UNKNOWN == bad.mode

    agent.add(policy_text("bad"))

    assert [pb.TP_STATE_ENABLED] * 2 == [one.state for one in agent.list()]


def test_text_that_is_no_policy(agent: Agent) -> None:
    """It has no name to be listed under; every problem is told with its place."""
    more = "  kprobs: []\n  unknown: 1\n"

    words = agent.error(agent.add, policy_text("bad", more=more))

    assert ["9:3", "10:3"] == [":".join(line.split(":")[:2]) for line in words.splitlines()]
    assert [] == agent.list()


def test_more_problems_than_a_reply_can_hold(agent: Agent) -> None:
    """The first ones come, and how many more there are."""
    more = "".join(f"  field{number}: 1\n" for number in range(500))

    lines = agent.error(agent.add, policy_text("bad", more=more)).splitlines()

    shown = len(lines) - 1
    assert f"and {500 - shown} more; mend these first" == lines[-1]
    assert lines[0].startswith("9:3: spec.field0: ")


def test_an_error_nobody_expects(agent: Agent) -> None:
    """It is that policy's error; others are loaded as before."""
    assert "ZeroDivisionError" in agent.error(agent.add, policy_text("bad", message="crash"))

    agent.add(policy_text("good"))

    assert [pb.TP_STATE_LOAD_ERROR, pb.TP_STATE_ENABLED] == [one.state for one in agent.list()]


def test_warnings_come_with_the_reply(agent: Agent) -> None:
    """They are in the list too."""
    reply = agent.add(policy_text("a", message="warn"))

    assert ["6:3: spec: a warning"] == list(reply.warnings) == list(agent.one().warnings)


def test_a_hook_that_is_not_there(agent: Agent) -> None:
    """The policy is partially enabled and says which hook is missing."""
    agent.add(policy_text("a", message="partial"))

    status = agent.one()

    assert pb.TP_STATE_PARTIALLY_ENABLED == status.state
    assert status.enabled
    states = [(one.hook_description, one.state) for one in status.hook_statuses]
    assert [("do_nothing", pb.STATUS_LOADED), ("not_there", pb.STATUS_CALL_NOT_FOUND)] == states


def test_disable_and_enable(agent: Agent) -> None:
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


def test_enable_that_fails(agent: Agent) -> None:
    """Nothing of the policy is left, and the list says why."""
    agent.add(policy_text("a", message="break"))
    agent.configure("a", enable=False)

    words = agent.error(agent.configure, "a", enable=True)

    assert 'failed to enable tracing policy "a": the kernel has changed its mind' == words
    assert (pb.TP_STATE_LOAD_ERROR, words) == (agent.one().state, agent.one().error)
    assert [] == agent.engine.attached


def test_disable_that_fails(agent: Agent) -> None:
    """The policy is in state error and can still be deleted."""
    agent.add(policy_text("a", message="stuck"))

    words = agent.error(agent.configure, "a", enable=False)

    assert 'failed to unload tracing policy "a": it does not let go' == words
    assert pb.TP_STATE_ERROR == agent.one().state
    agent.delete("a")
    assert [] == agent.engine.attached


@pytest.mark.parametrize("mode", [pb.TP_MODE_ENFORCE, pb.TP_MODE_MONITOR])
def test_the_mode_of_a_policy_that_only_monitors(agent: Agent, mode: int) -> None:
    """There is nothing to switch, and it says so; the switch asked for with it is still made."""
    agent.add(policy_text("a"))

    words = agent.error(agent.configure, "a", mode=mode, enable=False)

    assert "cannot set policy mode on a policy that is monitor only" == words
    assert pb.TP_STATE_DISABLED == agent.one().state


def test_modes_that_cannot_be_asked_for(agent: Agent) -> None:
    """Numbers with and without a name are refused alike."""
    agent.add(policy_text("a"))

    assert "unexpected mode: TP_MODE_MONITOR_ONLY" == agent.error(agent.configure, "a", mode=3)
    assert "unexpected mode: 77" == agent.error(agent.configure, "a", mode=77)


def test_policies_that_do_not_exist(agent: Agent) -> None:
    """Delete and configure name the key as upstream does."""
    fields = {"namespace": "web", "domain": "mine"}

    assert "tracing policy grpc:a does not exist" == agent.error(agent.delete, "a")
    assert "tracing policy mine:web/a does not exist" == agent.error(agent.delete, "a", **fields)
    assert "tracing policy grpc:a does not exist" == agent.error(agent.configure, "a", enable=True)


def test_old_rpcs(agent: Agent) -> None:
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
    policies = Policies(config, FakeEngine)
    with running_api(tmp_path, more=policies.rpcs.answers()) as api, connected(api) as client:
        client.AddTracingPolicy(pb.AddTracingPolicyRequest(yaml=policy_text("a")))

        client.DisableTracingPolicy(pb.DisableTracingPolicyRequest(name="a"))
        (disabled,) = client.ListTracingPolicies(pb.ListTracingPoliciesRequest()).policies
        client.EnableTracingPolicy(pb.EnableTracingPolicyRequest(name="a"))
        (enabled,) = client.ListTracingPolicies(pb.ListTracingPoliciesRequest()).policies

        api.run(policies.close())
    assert (pb.TP_STATE_DISABLED, pb.TP_STATE_ENABLED) == (disabled.state, enabled.state)


def test_the_agent_answers_while_a_policy_is_loaded(agent: Agent) -> None:
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


def test_a_client_that_goes_away_while_its_policy_is_loaded(agent: Agent) -> None:
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


def test_changes_come_one_after_the_other(agent: Agent) -> None:
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


def test_a_hundred_policies(agent: Agent) -> None:
    """They are listed in the order they came, and nothing is left of them in the end."""
    names = [f"p{number}" for number in range(100)]
    for name in names:
        agent.add(policy_text(name))

    assert names == [one.name for one in agent.list()]
    for name in names:
        agent.delete(name)
    assert [] == agent.engine.attached


def test_counters_outlive_policies(agent: Agent) -> None:
    """What a policy missed is counted after it is gone; what the engine lost is a loss too."""
    agent.add(policy_text("a"))
    agent.delete("a")
    agent.add(policy_text("a"))
    agent.engine.losses["LOST_HIT"] = 5

    counters = agent.api.call(agent.policies.manager.counters)

    assert {Counter.HOOK_MISSED: 6, Counter.RING_LOST_HOOK: 5} == counters
    assert 5 == agent.policies.manager.losses()
