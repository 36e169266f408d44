# SPDX-License-Identifier: Apache-2.0
"""A mode written into a policy's text changes nothing else of the policy."""

from __future__ import annotations

import pytest

from tetragon_core.policy.mode_text import with_mode
from tetragon_core.policy.parse import parse_policy

POLICY = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: a  # a comment
spec:
  kprobes:
    - call: "on"
      syscall: no
      message: "\\u00fc\\n"
      args: [{index: 0x0, type: int}]
      selectors:
        - matchArgs: [{index: 0, operator: Equal, values: ["010"]}]
          matchActions: [{action: Sigkill}]
"""


@pytest.mark.parametrize("mode", ["monitor", "enforce"])
@pytest.mark.parametrize(
    "options",
    [
        "",
        "  options:\n",
        "  options: []\n",
        "  options:\n    - name: disable-kprobe-multi\n      value: '1'\n",
        "  options:\n    - {name: policy-mode, value: enforce}\n",
        '  options: [{"name": "policy-mode", "value": "enforce"}]\n',
    ],
)
def test_a_mode_in_a_text(options: str, mode: str) -> None:
    """Whatever options there were; numbers, words and quotes mean what they did."""
    before = parse_policy(POLICY, "")
    with_options = "  options:\n    - name: disable-kprobe-multi" in options

    after = parse_policy(with_mode(POLICY + options, mode), "")

    assert {"policy-mode": mode} | ({"disable-kprobe-multi": "1"} if with_options else {}) == {
        name: str(one.value) for name, one in after.spec.options.items()
    }
    assert before.spec.hooks == after.spec.hooks
