# SPDX-License-Identifier: Apache-2.0
"""Which limit of kills holds for a policy."""

from __future__ import annotations

import pytest

from tetragon_core.enforcement import UNLIMITED, EnforcementLimits
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
