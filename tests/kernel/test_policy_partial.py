# SPDX-License-Identifier: Apache-2.0
"""As much of a policy as the kernel allows works, and what does not is said."""

from __future__ import annotations

import json
import os
from typing import Final

from kernel.policies import policy_engine

LSEEK: Final = "__x64_sys_lseek"
FUNCTION: Final = "security_file_permission"
FAR: Final = 47_110_815


def seek_far() -> None:
    """One call the policy wants."""
    nowhere = os.open("/dev/zero", os.O_RDONLY)
    os.lseek(nowhere, FAR, os.SEEK_SET)


def test_what_works_of_a_policy() -> None:
    """Where functions cannot be attached to, a system call beside them still reports."""
    text = json.dumps(
        {
            "apiVersion": "cilium.io/v1alpha1",
            "kind": "TracingPolicy",
            "metadata": {"name": "partial"},
            "spec": {
                "kprobes": [
                    {
                        "call": FUNCTION,
                        "syscall": False,
                        "args": [{"index": 1, "type": "int"}],
                        "selectors": [
                            {"matchArgs": [{"index": 1, "operator": "Equal", "values": ["4711"]}]}
                        ],
                    },
                    {
                        "call": "sys_lseek",
                        "args": [{"index": 1, "type": "int64"}],
                        "selectors": [
                            {"matchArgs": [{"index": 1, "operator": "Equal", "values": [str(FAR)]}]}
                        ],
                    },
                ]
            },
        }
    )
    with policy_engine() as run:
        abilities = run.engine.kernel.abilities
        is_possible = bool(abilities.can_fentry) or bool(abilities.can_kprobe)

        with run.loaded(text) as policy:
            hits = run.hits_of(seek_far)
            states = {hook.name: hook.state for hook in policy.hooks}
            warnings = [one.text("") for one in policy.warnings]

    assert [LSEEK] == [hit.info.function_name for hit in hits]
    assert {LSEEK: "loaded", FUNCTION: "loaded" if is_possible else "not possible here"} == states
    told = [one for one in warnings if f"no way to attach to {FUNCTION}" in one]
    assert [not is_possible] == [bool(told)]
