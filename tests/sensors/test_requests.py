# SPDX-License-Identifier: Apache-2.0
"""Policies that ask the agent for requests, before they are loaded."""

from __future__ import annotations

import pytest

from tetragon_core.network_requests import NetworkRequest
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError, Problems
from tetragon_sensors.policy.actionchecks import check_actions
from tetragon_sensors.policy.requests import refuse_requests, requests_of

TEXT = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: requests}}
spec:
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_lseek
    selectors:
    - matchActions: [{actions}]
"""


def checked(actions: str) -> Problems:
    """What is noted about the actions."""
    problems = Problems()
    policy = parse_policy(TEXT.format(actions=actions))
    check_actions(policy.spec.hooks[0], problems)
    return problems


def test_requests_in_their_order() -> None:
    """A selector's requests are those of its actions that send some."""
    actions = "{action: DnsLookup, argFqdn: ebpf.io}, {action: Post}, "
    actions += "{action: GetUrl, argUrl: 'http://ebpf.io'}"
    (hook,) = parse_policy(TEXT.format(actions=actions)).spec.hooks

    found = requests_of(hook.selectors[0].match_actions)

    expected = (NetworkRequest("DnsLookup", "ebpf.io"), NetworkRequest("GetUrl", "http://ebpf.io"))
    assert expected == found


def test_explained_with_a_warning() -> None:
    """Without an agent the action is fine, with a warning that names the flag."""
    problems = checked("{action: GetUrl, argUrl: 'https://ebpf.io/x'}")

    assert [] == problems.errors
    (warning,) = problems.warnings
    assert "--enable-policy-network-actions" in warning.message
    assert warning.where.line == 9


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://ebpf.io", "ebpf.io", "http://", "//["]
)
def test_urls_of_other_kinds(url: str) -> None:
    """The agent fetches from web servers only, never a file."""
    (error,) = checked(f"{{action: GetUrl, argUrl: '{url}'}}").errors

    assert error.message.startswith("argUrl has to be http://")


def test_without_a_post() -> None:
    """The agent sends nothing for what it is not told of."""
    problems = checked("{action: NoPost}, {action: DnsLookup, argFqdn: ebpf.io}")

    assert "DnsLookup has no effect beside NoPost" in problems.warnings[-1].message


def test_refused_without_the_flag() -> None:
    """The error names the action, the flag and the place."""
    policy = parse_policy(TEXT.format(actions="{action: DnsLookup, argFqdn: ebpf.io}"), "a.yaml")

    with pytest.raises(PolicyError, match=r"a.yaml:9:.*DnsLookup.*--enable-policy-network-actions"):
        refuse_requests(policy)
