# SPDX-License-Identifier: Apache-2.0
"""Members of filters follow containers and policies, in few writes and within bounds."""

from __future__ import annotations

import asyncio

import pytest

from server.fake_engine import policy_text
from server.managed import Managed
from server.selecting import Host, policy
from tetragon_core.errors import LoadError, TetragonError, UsageError
from tetragon_core.policy.workload_filters import filters_of
from tetragon_core.stats import Counter
from tetragon_core.workloads.model import Pod
from tetragon_server.policies.reading import read_policy
from tetragon_server.policies.worker import EngineWorker
from tetragon_server.policies.workload_filter import MAX_FILTERS, WorkloadFilters

WITHOUT_A = "matchExpressions: [{key: a, operator: DoesNotExist}]"
WEB = "podSelector: {matchLabels: {app: web}}"


def named(number: int) -> str:
    """A selector of its own for each number."""
    return f"podSelector: {{matchLabels: {{app: '{number}'}}}}"


@pytest.mark.parametrize(
    "selectors",
    [
        "",
        "podSelector: {}\n  containerSelector: {}\n  hostSelector: {}",
        "podSelector: {}\n  hostSelector: {}",
    ],
)
def test_no_filter(selectors: str) -> None:
    """Without selectors, and with all that mean everything, nothing is asked at all."""
    host = Host()
    host.docker(1, "web")

    assert {} == host.claim(policy(selectors))
    assert 0 == host.members.writes


def test_host_alone() -> None:
    """A filter for the host has a number and no container."""
    host = Host()
    host.docker(1, "web")

    assert [] == host.selected(policy("hostSelector: {}"))


def test_containers_that_come_and_go() -> None:
    """A container is a member when what is told of it returns, and none when it is gone."""
    host = Host()
    (number,) = host.claim(policy(WEB)).values()

    host.docker(1, "a", app="web")
    host.docker(2, "b", app="db")
    there = host.having(number)
    host.table.cgroups.remove(1)

    assert ([1], []) == (there, host.having(number))
    assert {} == host.members.bits


def test_news_after_the_end() -> None:
    """What is told of a container that is gone enters it nowhere."""
    host = Host()
    host.table.sources.append(lambda _: True)
    (number,) = host.claim(policy("podSelector: {}")).values()
    host.made(1)
    host.table.cgroups.remove(1)

    host.table.give_up(1)
    host.table.settle(1)

    assert [] == host.having(number)


def test_labels_that_change() -> None:
    """A running pod with other labels becomes a member, or is one no more."""
    host = Host(with_kubernetes=True)
    host.pod(1, "a", "x", app="db")
    (number,) = host.claim(policy(WEB)).values()
    found = []
    for app in ("db", "web", "web", "db"):
        host.table.pods.learn(Pod(namespace="a", name="x-0", uid="uid-1", labels={"app": app}))
        found.append(host.having(number))

    assert [[], [1], [1], []] == found


def test_filters_are_shared() -> None:
    """Equal filters of several policies, and of their selectors, are one, until the last goes."""
    host = Host()
    host.docker(1, "web", app="web")
    hook = f", selectors: [{{matchWorkloads: {{{WEB}}}}}]"
    first, second = host.claim(policy(WEB)), host.claim(policy(hook=hook))
    host.filters.release(first)
    between = dict(host.members.bits)
    host.filters.release(second)

    assert first == second
    assert {1: 1 << min(first.values())} == between
    assert ({}, 0) == (host.members.bits, len(host.filters))


def test_a_number_is_not_given_again_at_once() -> None:
    """A program on its way out never looks up the members of the next policy."""
    host = Host()
    host.docker(1, "web", app="web")
    first = host.claim(policy(WEB))
    host.filters.release(first)

    assert set(first.values()).isdisjoint(host.claim(policy(WEB)).values())


def test_all_containers_are_looked_at_before_the_policy_is_attached() -> None:
    """The engine is asked to load when the members are there; deleted, nothing is left of it."""
    host = Host()
    host.docker(1, "web", app="web")
    managed = Managed(host.filters)
    text = policy_text("some", more=f"  {WEB}\n")

    async def test() -> None:
        entry = await managed.manager.add(read_policy(text), "grpc")
        await managed.manager.delete(entry.key)

    managed.run(test())

    assert [1] == list(managed.engine.containers.when_loaded)
    assert {} == managed.engine.containers.bits


def test_a_policy_that_cannot_be_loaded_leaves_nothing() -> None:
    """Its numbers are free again."""
    host = Host()
    host.docker(1, "web", app="web")
    managed = Managed(host.filters)
    text = policy_text("some", message="refuse", more=f"  {WEB}\n")

    async def test() -> None:
        with pytest.raises(TetragonError):
            await managed.manager.add(read_policy(text), "grpc")

    managed.run(test())

    assert ({}, 0) == (managed.engine.containers.bits, len(host.filters))


def test_many_containers_and_policies() -> None:
    """5,000 containers and 20 policies: a write for each 500, and one for each change."""
    host = Host()
    for number in range(1, 5001):
        host.docker(number, f"c{number}", app=str(number % 20))
    before = host.members.writes
    found = [host.selected(policy(named(number))) for number in range(20)]
    host.docker(6000, "late", app="3")

    assert [250] * 20 == [len(one) for one in found]
    assert 20 * 10 == host.members.writes - before - 1
    assert 250 * 20 + 1 == len(host.members.bits)


def test_too_many_filters() -> None:
    """One more than programs have bits for is refused; when one is given back there is room."""
    host = Host()
    claims = [host.claim(policy(named(number))) for number in range(MAX_FILTERS)]
    with pytest.raises(UsageError, match="at most 512 are possible"):
        host.claim(policy(WEB))
    host.filters.release(claims[7])

    assert {7} == set(host.claim(policy(WEB)).values())


def test_too_many_containers() -> None:
    """A policy for more containers than the table holds is refused; later ones are counted."""
    host = Host()
    host.members.room = 2
    for number in (1, 2, 3):
        host.docker(number, "x", app="web")
    with pytest.raises(UsageError, match=r"3 containers would be selected .* room for 2"):
        host.claim(policy(WEB))
    host.table.cgroups.remove(3)
    (number,) = host.claim(policy(WEB)).values()
    host.docker(4, "x", app="web")

    assert [1, 2] == host.having(number)
    assert {Counter.POLICY_MEMBERS_REFUSED: 1} == host.filters.counters()


def test_a_table_that_fails() -> None:
    """What was written of a policy that could not be loaded does not belong to the next one."""
    host = Host()
    for number in (1, 2, 3):
        host.docker(number, "x", app="web")
    host.members.fails = True
    with pytest.raises(LoadError, match="no memory"):
        host.claim(policy(WEB))
    host.members.fails = False

    assert [] == host.selected(policy(named(5)))
    assert {} == host.members.bits


def test_waiting_for_what_is_asked() -> None:
    """What an earlier agent enforces is replaced when runtimes have told of the containers."""
    host = Host()
    host.table.sources.append(lambda _: True)
    host.made(1)
    found = []

    async def answer() -> None:
        found.append("asked")
        host.table.give_up(1)

    async def test() -> None:
        await host.filters.await_known(0.0)
        found.append("limit")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(host.filters.await_known(3600)).add_done_callback(
                lambda _: found.append("known")
            )
            tasks.create_task(answer())

    asyncio.run(test())
    assert ["limit", "asked", "known"] == found


def test_disabled() -> None:
    """With --enable-policy-filter=false such policies are refused, as by Tetragon."""
    worker = EngineWorker(lambda: Managed().engine, WorkloadFilters(is_enabled=False))

    with pytest.raises(UsageError, match="policyfilter is disabled"):
        asyncio.run(worker.load(policy(WEB)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("podSelector: {matchLabels: {app: web}}", ""),
        ("containerSelector: {matchLabels: {image: nginx}}", "containers have name and repo alone"),
        (
            f"podSelector: {{matchLabels: {{a: b}}, {WITHOUT_A}}}",
            "contradict each other",
        ),
        (
            "podSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': other}}",
            "not connected to Kubernetes",
        ),
        ("hostSelector: {}", ""),
    ],
)
def test_policies_for_nobody(text: str, expected: str) -> None:
    """A filter that no container can fulfil is loaded, with a warning that says why."""
    found = "\n".join(Host().filters.warnings(policy(text)))

    assert bool(expected) == bool(found)
    assert expected in found


def test_an_api_server_that_tells_nothing_any_more() -> None:
    """A runtime's name is a namespace only where no API server has any, ever: a tenant's may be
    called like it.
    """
    host = Host(with_kubernetes=True)
    host.table.expects_pods = False  # it refuses to
    host.docker(1, "web")

    (number,) = host.claim(policy(namespace="docker")).values()

    assert [] == host.having(number)


def test_filters_of_a_namespaced_policy_name_it() -> None:
    """Its selectors' own filters name no namespace: the policy's comes first."""
    hook = f", selectors: [{{matchWorkloads: {{{WEB}}}}}]"

    assert ["a", ""] == [one.namespace for one in filters_of(policy(namespace="a", hook=hook))]
