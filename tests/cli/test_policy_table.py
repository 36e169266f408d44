# SPDX-License-Identifier: Apache-2.0
"""Policies as they are listed: the table, JSON, and what `status` says of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from tetragon import sensors_pb2 as pb
from tetragon import tetragon_pb2 as health_pb
from tetragon_cli.policy_table import policy_table

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

HEADER = (
    "ID NAME DOMAIN STATE FILTERID NAMESPACE SENSORS KERNELMEMORY MODE NPOST NENFORCE NMONITOR"
    " METHOD SINCE"
)
WHOLE = pb.TracingPolicyStatus(
    id=2,
    name="first",
    domain="grpc",
    state=pb.TP_STATE_ENABLED,
    sensors=["generic_kprobe", "__loader__"],
    kernel_memory_bytes=4_460_000,
    mode=pb.TP_MODE_MONITOR_ONLY,
    stats=pb.TracingPolicyStats(
        action_counters=pb.TracingPolicyActionCounters(
            post=5, signal=1, override=2, notify_enforcer=4, set=8, monitor_signal=16
        )
    ),
    hook_statuses=[
        pb.HookStatus(section="kprobes", state=pb.STATUS_LOADED, method="fentry"),
        pb.HookStatus(section="kprobes", state=pb.STATUS_LOADED, method="fexit"),
        pb.HookStatus(section="kprobes", state=pb.STATUS_LOADED, method="fentry"),
    ],
    since=Timestamp(seconds=1_700_000_000, nanos=999_999_999),
)
PARTIAL = pb.TracingPolicyStatus(
    id=13,
    name="second",
    namespace="web",
    domain="static",
    state=pb.TP_STATE_PARTIALLY_ENABLED,
    kernel_memory_bytes=999,
    hook_statuses=[
        pb.HookStatus(section="kprobes", state=pb.STATUS_LOADED, hook_description="tcp_connect"),
        pb.HookStatus(
            section="kprobes", hook_idx=1, state=pb.STATUS_CALL_NOT_FOUND, hook_description="none"
        ),
    ],
)
BROKEN = pb.TracingPolicyStatus(
    id=14, name="third", domain="grpc", state=pb.TP_STATE_LOAD_ERROR, error="3:1: a\n4:1: b"
)


def cells(text: str) -> list[list[str]]:
    """Columns are three spaces apart or more."""
    return [re.split(r" {3,}", line.strip()) for line in text.splitlines()]


def test_list() -> None:
    """Upstream's columns and units; hooks and errors stand below the row they belong to."""
    sensors = "generic_kprobe,__loader__"
    assert cells(policy_table([WHOLE, PARTIAL, BROKEN])) == [
        HEADER.split(),
        [
            *("2", "first", "grpc", "enabled", "0", "(global)", sensors, "4.46 MB"),
            *("monitor_only", "5", "15", "16", "fentry,fexit", "2023-11-14T22:13:20Z"),
        ],
        ["13", "second", "static", "partially_enabled", "0", "web", "999 B", "unknown", *"000"],
        ["SECTION", "CFGIDX", "DESCRIPTION", "STATUS"],
        ["kprobes", "0", "tcp_connect", "loaded"],
        ["kprobes", "1", "none", "call_not_found"],
        ["14", "third", "grpc", "load_error", "0", "(global)", "0 B", "unknown", *"000"],
        ["error: 3:1: a"],
        ["error: 4:1: b"],
    ]


def below(**fields: int) -> list[str]:
    """What the table says below a policy that enforces."""
    policy = pb.TracingPolicyStatus(name="x", state=pb.TP_STATE_ENABLED)
    policy.enforcement.CopyFrom(pb.EnforcementLedger(**fields))
    return [line.strip() for line in policy_table([policy]).splitlines()[2:]]


def test_what_went_wrong_with_enforcing() -> None:
    """Failures with the kernel's reason, and spared processes; nothing while all goes well."""
    assert [] == below(attempts=7)
    assert [
        "failed: 2 of 7 attempts to enforce, the last with EPERM (Operation not permitted)"
    ] == (below(attempts=7, failed=2, last_errno=1))
    assert ["failed: 2 of 7 attempts to enforce"] == below(attempts=7, failed=2)
    assert [
        "failed: 2 of 7 attempts to enforce, the last with 4000 (Unknown error 4000)",
        "spared: 1 of 7 attempts to enforce: processes that are never killed",
    ] == below(attempts=7, failed=2, spared=1, last_errno=4000)


def test_the_columns_of_the_list() -> None:
    """Each is as wide as its longest cell; what is below a row begins at the name's column."""
    header, whole, partial, hooks, *_ = policy_table([WHOLE, PARTIAL]).splitlines()

    assert header.startswith("ID   NAME     DOMAIN   STATE               FILTERID   NAMESPACE")
    assert partial.startswith("13   second   static   partially_enabled   0          web")
    assert hooks == "     SECTION   CFGIDX   DESCRIPTION   STATUS"
    for name in HEADER.split():
        assert whole[header.index(name) - 1] == " " or name == "ID"
        assert whole[header.index(name)] != " "


def test_list_of_nothing(agent: Any, run_client: Run) -> None:
    """The header alone."""
    agent.replies["ListTracingPolicies"] = pb.ListTracingPoliciesResponse()

    done = run_client("tp", "list", "--server-address", agent.address)

    assert done.stdout.split() == HEADER.split()


def test_status_has_the_policies(agent: Any, run_client: Run) -> None:
    """After the line of upstream's client: each with its state and how it is attached."""
    health = health_pb.GetHealthStatusResponse(
        health_status=[health_pb.HealthStatus(details="running")]
    )
    agent.replies["GetHealth"] = health
    fallen = pb.TracingPolicyStatus(name="x", state=pb.TP_STATE_ENABLED, fell_back=True)
    policies = pb.ListTracingPoliciesResponse(policies=[WHOLE, PARTIAL, fallen])
    agent.replies["ListTracingPolicies"] = policies

    done = run_client("status", "--server-address", agent.address)

    assert done.stdout.splitlines() == [
        "Health Status: running",
        "policy grpc/first enabled fentry,fexit",
        "policy static/web/second partially_enabled",
        "policy x enabled",
        "  only monitors: it killed too often, see `tracingpolicy list`",
    ]


def test_a_state_newer_than_this_client() -> None:
    """It is shown by its number."""
    status = pb.TracingPolicyStatus.FromString(
        pb.TracingPolicyStatus(name="x").SerializeToString() + b"\x48\x4d"
    )

    assert "77" in policy_table([status])


def test_list_as_json(agent: Any, run_client: Run) -> None:
    """One line in upstream's form; our own fields only when they are asked for."""
    agent.replies["ListTracingPolicies"] = pb.ListTracingPoliciesResponse(policies=[WHOLE])
    words = ("tracingpolicy", "list", "-o", "json", "--server-address", agent.address)

    plain = run_client(*words)
    full = run_client(*words, "--all-fields")

    assert plain.stdout.count("\n") == 1
    (policy,) = json.loads(plain.stdout)["policies"]
    assert policy["id"] == "2"
    assert policy["state"] == "TP_STATE_ENABLED"
    assert "method" not in policy["hook_statuses"][0]
    assert json.loads(full.stdout)["policies"][0]["hook_statuses"][0]["method"] == "fentry"


def test_domains(agent: Any, run_client: Run) -> None:
    """Upstream's form of a list, or JSON."""
    agent.replies["ListDomains"] = pb.ListDomainsResponse(domains=["grpc", "static"])
    words = ("tp", "domains", "--server-address", agent.address)

    assert run_client(*words).stdout == "[grpc static]\n"
    assert run_client(*words, "-o", "json").stdout == '{"domains":["grpc","static"]}\n'
