# SPDX-License-Identifier: Apache-2.0
"""Policies are added, listed and deleted, as an independent gRPC library sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.fake_engine import policy_text
from server.harness import DEADLINE_S
from server.measured import series, sources, value
from tetragon import sensors_pb2 as pb

if TYPE_CHECKING:
    from server.policy_agent import PolicyAgent


def test_a_policy_from_add_to_delete(agent: PolicyAgent) -> None:
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
    seen = agent.one()
    assert seen.HasField("since")
    seen.ClearField("since")
    assert expected == seen

    agent.delete("first")

    assert [] == agent.list()
    assert ("close", "first") == agent.engine.calls[-1]


def test_ids_are_never_used_again(agent: PolicyAgent) -> None:
    """They grow from 2 with every add."""
    agent.add(policy_text("a"))
    agent.delete("a")
    agent.add(policy_text("a"))
    agent.add(policy_text("b"))

    assert [("a", 3), ("b", 4)] == [(one.name, one.id) for one in agent.list()]


def test_domains_keep_names_apart(agent: PolicyAgent) -> None:
    """One name in two domains is two policies; delete without a domain reaches grpc alone."""
    agent.add(policy_text("a"))
    agent.add(policy_text("a"), domain="mine")

    domains = agent.client.ListDomains(pb.ListDomainsRequest(), timeout=DEADLINE_S).domains
    agent.delete("a")

    assert ["grpc", "mine"] == list(domains)
    assert "mine" == agent.one().domain
    assert [] == agent.list("grpc")
    assert "domain sensors is reserved" in agent.error(agent.add, policy_text("b"), "sensors")


def test_the_same_key_twice(agent: PolicyAgent) -> None:
    """It is refused in upstream's words and with what to do, and the first one goes on."""
    agent.add(policy_text("a"))

    words = agent.error(agent.add, policy_text("a"))

    assert (
        "failed to add tracing policy grpc:a, a sensor collection with the key already exists;"
        " delete it first"
    ) == words
    assert pb.TP_STATE_ENABLED == agent.one().state


def test_a_policy_that_is_refused(agent: PolicyAgent) -> None:
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


def test_text_that_is_no_policy(agent: PolicyAgent) -> None:
    """It has no name to be listed under; every problem is told with its place."""
    more = "  kprobs: []\n  unknown: 1\n"

    words = agent.error(agent.add, policy_text("bad", more=more))

    assert ["9:3", "10:3"] == [":".join(line.split(":")[:2]) for line in words.splitlines()]
    assert [] == agent.list()


def test_more_problems_than_a_reply_can_hold(agent: PolicyAgent) -> None:
    """The first ones come, and how many more there are."""
    more = "".join(f"  field{number}: 1\n" for number in range(500))

    lines = agent.error(agent.add, policy_text("bad", more=more)).splitlines()

    shown = len(lines) - 1
    assert f"and {500 - shown} more; mend these first" == lines[-1]
    assert lines[0].startswith("9:3: spec.field0: ")


def test_an_error_nobody_expects(agent: PolicyAgent) -> None:
    """It is that policy's error; others are loaded as before."""
    assert "ZeroDivisionError" in agent.error(agent.add, policy_text("bad", message="crash"))

    agent.add(policy_text("good"))

    assert [pb.TP_STATE_LOAD_ERROR, pb.TP_STATE_ENABLED] == [one.state for one in agent.list()]


def test_warnings_come_with_the_reply(agent: PolicyAgent) -> None:
    """They are in the list too."""
    reply = agent.add(policy_text("a", message="warn"))

    assert ["6:3: spec: a warning"] == list(reply.warnings) == list(agent.one().warnings)


def test_a_hook_that_is_not_there(agent: PolicyAgent) -> None:
    """The policy is partially enabled and says which hook is missing."""
    agent.add(policy_text("a", message="partial"))

    status = agent.one()

    assert pb.TP_STATE_PARTIALLY_ENABLED == status.state
    assert status.enabled
    states = [(one.hook_description, one.state) for one in status.hook_statuses]
    assert [("do_nothing", pb.STATUS_LOADED), ("not_there", pb.STATUS_CALL_NOT_FOUND)] == states


def test_policies_that_do_not_exist(agent: PolicyAgent) -> None:
    """Delete and configure name the key as upstream does."""
    fields = {"namespace": "web", "domain": "mine"}

    assert "tracing policy grpc:a does not exist" == agent.error(agent.delete, "a")
    assert "tracing policy mine:web/a does not exist" == agent.error(agent.delete, "a", **fields)
    assert "tracing policy grpc:a does not exist" == agent.error(agent.configure, "a", enable=True)


def test_metrics(agent: PolicyAgent) -> None:
    """Each state is counted, also those nobody is in; a policy's memory has its name."""
    agent.add(policy_text("a"))
    agent.add(policy_text("b", message="partial"))
    agent.error(agent.add, policy_text("c", message="refuse"))

    measured = sources(policies=agent.policies.manager.entries)

    states = series(measured, "tetragon_tracingpolicy_loaded")
    assert {
        "enabled": 1,
        "partially_enabled": 1,
        "disabled": 0,
        "load_error": 1,
        "error": 0,
        "skipped": 0,
    } == {state: count for ((_, state),), count in states.items()}
    assert 4096 == value(measured, "tetragon_tracingpolicy_kernel_memory_bytes", policy="a")
