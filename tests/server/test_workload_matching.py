# SPDX-License-Identifier: Apache-2.0
"""Which containers selectors mean: every operator, names and images, namespaces, the unknown."""

from __future__ import annotations

import pytest

from server.managed import Managed
from server.selecting import Host, policy
from tetragon_core.policy.workload_filters import filters_of
from tetragon_core.workloads.model import Container, Pod
from tetragon_core.workloads.table import Rank
from tetragon_server.policies.entry import PolicyKey
from tetragon_server.policies.reading import ReadPolicy
from tetragon_server.policies.workload_matching import repository

NAMESPACE = "k8s:io.kubernetes.pod.namespace"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("{}", [1, 2, 3]),
        ("{matchLabels: {}}", [1, 2, 3]),
        ("{matchLabels: {app: web}}", [1]),
        ("{matchLabels: {app: web, tier: front}}", []),
        ("{matchExpressions: [{key: app, operator: In, values: [web, db]}]}", [1, 2]),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", [2, 3]),
        ("{matchExpressions: [{key: app, operator: Exists}]}", [1, 2]),
        ("{matchExpressions: [{key: app, operator: DoesNotExist}]}", [3]),
        (
            "{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: DoesNotExist}]}",
            [1],
        ),
        (f"{{matchLabels: {{'{NAMESPACE}': b}}}}", [2]),
        (f"{{matchExpressions: [{{key: '{NAMESPACE}', operator: NotIn, values: [b]}}]}}", [1, 3]),
    ],
)
@pytest.mark.parametrize("with_kubernetes", [False, True])
def test_pod_selector(selector: str, expected: list[int], *, with_kubernetes: bool) -> None:
    """Every operator of Kubernetes' label selectors, on labels and on the namespace."""
    host = Host(with_kubernetes=with_kubernetes)
    host.pod(1, "a", "web", app="web")
    host.pod(2, "b", "db", app="db")
    host.pod(3, "a", "plain")

    assert expected == host.selected(policy(f"podSelector: {selector}"))


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("{}", [1, 2, 3]),
        ("{matchLabels: {name: web}}", [1, 3]),
        ("{matchLabels: {repo: docker.io/library/nginx}}", [1, 2]),
        ("{matchLabels: {name: web, repo: docker.io/library/nginx}}", [1]),
        ("{matchExpressions: [{key: repo, operator: NotIn, values: [localhost:5000/x]}]}", [1, 2]),
        ("{matchExpressions: [{key: repo, operator: Exists}]}", [1, 2, 3]),
    ],
)
def test_container_selector(selector: str, expected: list[int]) -> None:
    """Names, and repositories whatever tag or digest, in all pods or those that are selected."""
    host = Host()
    host.docker(1, "web", "docker.io/library/nginx:1.27", app="one")
    host.docker(2, "db", f"docker.io/library/nginx@sha256:{'a' * 64}", app="one")
    host.docker(3, "web", "localhost:5000/x", app="two")

    alone = host.selected(policy(f"containerSelector: {selector}"))
    of_one = host.selected(
        policy(f"podSelector: {{matchLabels: {{app: one}}}}\n  containerSelector: {selector}")
    )

    assert (expected, [one for one in expected if one != 3]) == (alone, of_one)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", "nginx"),
        ("nginx:1.27", "nginx"),
        ("docker.io/library/nginx:1@sha256:aa", "docker.io/library/nginx"),
        ("localhost:5000/x", "localhost:5000/x"),
        ("localhost:5000/x:y", "localhost:5000/x"),
        ("sha256:" + "a" * 64, ""),
        ("a" * 64, ""),
        ("@sha256:aa", ""),
        ("", ""),
    ],
)
def test_repository(image: str, expected: str) -> None:
    """An image's reference without tag and digest; a digest alone names no repository."""
    assert expected == repository(image)


def test_namespaced_policy() -> None:
    """It is for all pods of its namespace, or for those of them that it selects, never others."""
    host = Host(with_kubernetes=True)
    host.pod(1, "a", "web", app="web")
    host.pod(2, "b", "web", app="web")
    host.pod(3, "a", "db")

    assert [1, 3] == host.selected(policy(namespace="a"))
    assert [1] == host.selected(policy("podSelector: {matchLabels: {app: web}}", namespace="a"))
    assert [3] == host.selected(
        policy("containerSelector: {matchLabels: {name: db}}", namespace="a")
    )


def test_container_outside_of_kubernetes() -> None:
    """Its runtime is its namespace, but where Kubernetes has namespaces it is in none of them."""
    labels = "podSelector: {matchLabels: {app: web}}"
    for with_kubernetes, expected in ((False, [1]), (True, [])):
        host = Host(with_kubernetes=with_kubernetes)
        host.docker(1, "web", app="web")

        assert expected == host.selected(policy(namespace="docker"))
        assert expected == host.selected(policy(labels))
        assert [1] == host.selected(policy("containerSelector: {matchLabels: {name: web}}"))
        assert [1] == host.selected(policy("podSelector: {}"))


@pytest.mark.parametrize(
    ("namespace", "with_kubernetes", "expected"),
    [("team-a", False, True), ("podman", False, False), ("team-a", True, False)],
)
def test_namespaces_without_pods(namespace: str, *, with_kubernetes: bool, expected: bool) -> None:
    """Without Kubernetes a namespace that is no runtime's is ignored, with a warning that says for
    whom the policy is; what it selects else is selected still.
    """
    web = "podSelector: {matchLabels: {app: web}}"
    host = Host(with_kubernetes=with_kubernetes)

    for selectors, whom in (("", "every workload, and the host"), (web, "pod app=web")):
        written = policy(selectors, namespace=namespace)
        warnings = host.filters.warnings(written)
        meant = filters_of(host.filters.meant(written))

        assert expected == any("ignored" in one and whom in one for one in warnings)
        assert expected == (meant == filters_of(policy(selectors)))
        assert len(warnings) == expected


def test_a_namespace_without_pods_is_a_name() -> None:
    """A policy whose namespace selects nothing is listed, found and deleted with it."""
    managed = Managed(Host().filters)
    written = policy(namespace="team-a")

    async def test() -> None:
        entry = await managed.manager.add(ReadPolicy(written), "grpc")

        assert ("team-a", False, 1) == (entry.key.namespace, entry.is_filtered, len(entry.warnings))
        assert "team-a" == entry.policy.namespace
        await managed.manager.delete(PolicyKey("some", "team-a", "grpc"))

    managed.run(test())


def test_unknown_container() -> None:
    """What is not known yet is meant only where every container is; no label is not guessed."""
    host = Host()
    host.table.sources.append(lambda _: True)
    host.made(1)
    without = "podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}"
    not_web = "podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}"

    before = [host.selected(policy(text)) for text in ("podSelector: {}", without, not_web)]
    numbers = [min(host.claim(policy(text)).values()) for text in (without, not_web)]
    host.table.learn(Container(id=f"{1:064x}", name="web"), Rank.RUNTIME, cgroup_id=1)

    assert [[1], [], []] == before
    assert [[1], [1]] == [host.having(number) for number in numbers]


def test_pod_that_is_announced() -> None:
    """Until the API server tells a pod's labels, those that are missing are not counted on."""
    host = Host(with_kubernetes=True)
    without = "podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}"
    (number,) = host.claim(policy(without, namespace="a")).values()
    container, pod = Container(id=host.made(1), name="web"), Pod(namespace="a", name="x", uid="u")

    host.table.learn(container, Rank.ANNOUNCED, cgroup_id=1, pod=pod)
    before = host.having(number)
    host.table.pods.learn(pod)

    assert ([], [1]) == (before, host.having(number))
