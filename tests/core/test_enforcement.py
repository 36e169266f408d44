# SPDX-License-Identifier: Apache-2.0
"""Which policies enforce, and which limit of kills holds for them."""

from __future__ import annotations

import pytest

from tetragon_core.enforcement import UNLIMITED, EnforcementLimits, asks_to_monitor, enforces
from tetragon_core.policy.parse import parse_policy

POLICY = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: limited
spec:
  kprobes:
    - call: sys_getpid
      syscall: true
"""


def with_option(value: str) -> str:
    return f"{POLICY}  options:\n    - name: max-kills-per-minute\n      value: '{value}'\n"


@pytest.mark.parametrize(
    ("text", "of_agent", "expected"),
    [
        (POLICY, 0, UNLIMITED),
        (POLICY, 60, 60),
        (with_option("5"), 60, 5),
        (with_option("100"), 60, 100),
        (with_option("0"), 60, UNLIMITED),
        (with_option("0x10"), 0, 16),
    ],
    ids=["none", "agent", "lower", "higher", "lifted", "hexadecimal"],
)
def test_the_limit_of_a_policy(text: str, of_agent: int, expected: int) -> None:
    """A policy's own option wins over the agent's setting, also to lift it."""
    limits = EnforcementLimits(max_kills_per_minute=of_agent)

    assert expected == limits.kill_limit(parse_policy(text))


def with_action(action: str, field: str = "matchActions") -> str:
    return f"{POLICY}      selectors:\n        - {field}:\n            - action: {action}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (POLICY, False),
        (with_action("Post"), False),
        (with_action("NoPost"), False),
        (with_action("Sigkill"), True),
        (with_action("sigkill"), True),
        (with_action("Signal\n              argSig: 10"), True),
        (with_action("Override\n              argError: -1"), True),
        (
            with_action("NotifyEnforcer\n              argError: -1")
            + "  enforcers:\n    - calls: [sys_getpid]\n",
            True,
        ),
        (
            with_action("Sigkill", "matchReturnActions")
            + "      return: true\n      returnArg:\n        type: int\n",
            True,
        ),
        (POLICY + "  enforcers:\n    - calls: [sys_getpid]\n", False),
    ],
    ids=[
        *("no selector", "post", "nopost", "sigkill", "lower case", "signal", "override"),
        *("notify", "return", "enforcer alone"),
    ],
)
def test_what_enforces(text: str, *, expected: bool) -> None:
    """Any action that changes what a process does counts, at the call and at its return."""
    assert expected == enforces(parse_policy(text))


@pytest.mark.parametrize(
    ("value", "expected"), [("", False), ("enforce", False), ("monitor", True)]
)
def test_the_mode_a_policy_asks_for(value: str, *, expected: bool) -> None:
    """Only the option policy-mode decides, and without it a policy enforces."""
    options = f"  options:\n    - name: policy-mode\n      value: {value}\n" if value else ""

    assert expected == asks_to_monitor(parse_policy(with_action("Sigkill") + options))
