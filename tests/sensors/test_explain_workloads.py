# SPDX-License-Identifier: Apache-2.0
"""What `explain` says of the workloads that a policy is for, and filters in words."""

from __future__ import annotations

from typing import Final

import pytest

from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_core.policy.workload_filters import describe_filter, filter_of
from tetragon_sensors.policy.explain import explain

TYPES: Final = "/sys/kernel/btf/vmlinux"
POLICY: Final = """\
apiVersion: cilium.io/v1alpha1
kind: {kind}
metadata: {{name: some}}
spec:
  {selectors}
  {hooks}
"""
EXPRESSIONS: Final = (
    "{key: a, operator: Exists}, {key: b, operator: DoesNotExist},"
    " {key: c, operator: In, values: [x, y]}, {key: d, operator: NotIn, values: [z]}"
)
READ: Final = "kprobes: [{call: sys_read, syscall: true%s}]"


def text(selectors: str, *, hooks: str = READ % "", kind: str = "TracingPolicy") -> str:
    """A policy."""
    return POLICY.format(kind=kind, selectors=selectors or "options: []", hooks=hooks)


def lines(policy: str) -> list[str]:
    """What explain prints, spaces normalised."""
    return [" ".join(line.split()) for line in explain(parse_policy(policy), TYPES).splitlines()]


def test_a_policy_for_some() -> None:
    """It says for whom at the start, and which maps are asked."""
    found = lines(text("podSelector: {matchLabels: {app: web}}\n  hostSelector: {}"))

    assert "only for containers where pod app=web and the host" == found[2]
    (maps,) = (line for line in found if line.startswith("maps "))
    assert {"container_cgroups", "workload_filter"} <= set(maps.replace(",", "").split())


def test_a_policy_for_all() -> None:
    """It asks nothing."""
    found = "\n".join(lines(text("podSelector: {}\n  hostSelector: {}")))

    assert "only for" not in found
    assert "workload_filter" not in found


@pytest.mark.parametrize(("namespace", "expected"), [("shop", True), ("podman", False)])
def test_a_namespace(namespace: str, *, expected: bool) -> None:
    """One that is no runtime's depends on the agent: without Kubernetes it ignores it."""
    written = text("", kind="TracingPolicyNamespaced")
    named = written.replace("name: some", f"name: some, namespace: {namespace}")

    found = lines(named)

    assert f"only for containers where namespace={namespace}" == found[2]
    assert expected == ("without Kubernetes ignores the namespace" in found[3])


def test_a_selector_for_some() -> None:
    """That with matchWorkloads is one of the cheap filters, and the first of these."""
    filters = (
        ", selectors: [{matchPIDs: [{operator: NotIn, values: [1]}], matchWorkloads:"
        " {containerSelector: {matchExpressions: [{key: name, operator: NotIn, values: [a, b]}]}}}]"
    )
    found = lines(text("", hooks=READ % filters))

    at = found.index(
        "selector 0 1. of containers where container name not in (a, b) (costs a structure)"
    )
    assert "2. pid NotIn 1 (costs a structure)" == found[at + 1]


@pytest.mark.parametrize(
    ("selectors", "namespace", "expected"),
    [
        ("", "", "every workload, and the host"),
        ("", "shop", "containers where namespace=shop"),
        ("podSelector: {}", "", "containers"),
        ("hostSelector: {}", "", "the host"),
        (
            f"podSelector: {{matchExpressions: [{EXPRESSIONS}]}}",
            "",
            "containers where pod a is set, pod b is not set, pod c in (x, y), pod d!=z",
        ),
    ],
)
def test_words(selectors: str, namespace: str, expected: str) -> None:
    """Every kind of filter, and every operator."""
    workloads = parse_policy(text(selectors)).spec.workloads

    assert expected == describe_filter(filter_of(workloads, namespace))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (text("hostSelector: {}", kind="TracingPolicyNamespaced"), "is about pods"),
        (text("hostSelector: {}", hooks="loader: true"), "for some workloads only"),
        (text("podSelector: {}", hooks="loader: true"), "for some workloads only"),
        (text("hostSelector: {matchLabels: {a: b}}"), "can only be {}"),
        (
            text(
                "", hooks="uprobes: [{path: /bin/sh, symbols: [a]}]", kind="TracingPolicyNamespaced"
            ),
            "uprobes are not possible in a TracingPolicyNamespaced",
        ),
        (
            text(
                "",
                hooks="usdts: [{path: /bin/sh, provider: a, name: b}]",
                kind="TracingPolicyNamespaced",
            ),
            "usdts are not possible in a TracingPolicyNamespaced",
        ),
    ],
)
def test_refused(policy: str, expected: str) -> None:
    """What cannot be for some workloads only is refused, not applied to all."""
    with pytest.raises(PolicyError, match=expected):
        parse_policy(policy)
