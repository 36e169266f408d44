# SPDX-License-Identifier: Apache-2.0
"""A plan for people: each statement about a hook follows from the policy and the kernel's types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.kernel.abilities import Ability
from tetragon_sensors.kernel.assumed import AssumedAbilities
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.check import make_plan
from tetragon_sensors.policy.explain import explain, explain_plan

TYPES: Final = "/sys/kernel/btf/vmlinux"
HEAD: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: plan
spec:
"""
FILES: Final = (
    HEAD
    + """\
  kprobes:
  - call: security_file_permission
    syscall: false
    return: true
    args:
    - {index: 0, type: file}
    - {index: 1, type: int}
    returnArg: {index: 0, type: int}
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: [/etc, /boot]}
      - {index: 1, operator: Equal, values: ["2"]}
      matchPIDs:
      - {operator: NotIn, values: [1]}
    - matchArgs:
      - {index: 1, operator: Mask, values: ["8"]}
      matchActions:
      - {action: Post, rateLimit: 1m, kernelStackTrace: true}
"""
)


def blocks(text: str) -> list[list[str]]:
    """Lines of each hook, spaces normalised."""
    parts = text.strip().split("\n\n")[1:]
    return [[" ".join(line.split()) for line in part.splitlines()] for part in parts]


def of_types(text: str) -> list[list[str]]:
    """The plan for this kernel's types, as if they were another machine's."""
    return blocks(explain(parse_policy(text), TYPES))


class Everything(AssumedAbilities):
    """Those of a kernel that was built with all there is."""

    can_kprobe = Ability(allowed=True)
    can_kprobe_multi = Ability(allowed=True)


def with_probes(text: str) -> list[list[str]]:
    """The same if this kernel had kprobes."""
    kernel = Kernel.from_btf(Path(TYPES))
    kernel.abilities = Everything(kernel.btf)
    plan = make_plan(parse_policy(text), kernel)
    return blocks("\n".join(("head", *explain_plan(plan, kernel))))


def test_one_program_at_the_return() -> None:
    """Method, arguments, filters cheapest first, actions and sizes of a hook on a function."""
    lines, maps = of_types(FILES)

    *stated, program = lines
    assert [
        "security_file_permission",
        "attached by fexit",
        "reports when it returns, arguments and result at once",
        "argument file from argument 0; read for selector 0, once",
        "argument int from argument 1; read for the record",
        "argument int from the result; read for the record",
        "selector 0 1. argument 1 Equal 2 (costs registers)",
        "2. pid NotIn 1 (costs a structure)",
        "3. argument 0 Prefix /etc, /boot (costs a path)",
        "then Post",
        "selector 1 1. argument 1 Mask 8 (costs registers)",
        "then Post (kernel stack, at most once in 1m)",
        "record 120 bytes, and the text of argument 0",
        "maps hook_counters, processes, rate_limits, ring, scratch",
    ] == stated
    assert 100 < int(program.removeprefix("program ").removesuffix(" instructions")) < 2000
    assert ["maps of this policy alone:", "rate_limits lru_hash, 8,192 x 96 + 8 bytes"] == maps


def test_entry_and_return_apart() -> None:
    """A system call whose argument has to be read at once is two programs."""
    policy = """\
  kprobes:
  - call: sys_openat
    syscall: true
    return: true
    args:
    - {index: 1, type: string}
    returnArg: {index: 0, type: int}
    selectors:
    - matchReturnArgs:
      - {index: 0, operator: LT, values: ["0"]}
"""
    at_return, at_entry = of_types(HEAD + policy)

    assert "reports when it returns: the result of the call that was reported" in at_return
    assert "selector 0 LT 0 of the result" in at_return
    assert "reports when it is called; the result follows" in at_entry
    assert "maps hook_counters, pending, processes, ring, scratch" in at_entry


def test_reason_for_a_kprobe() -> None:
    """Registers can only be had by a kprobe, whatever else the kernel has."""
    policy = """\
  kprobes:
  - call: security_file_permission
    syscall: false
    data:
    - {index: 0, type: uint64, source: pt_regs, resolve: rip}
"""
    (lines,) = with_probes(HEAD + policy)

    assert "attached by kprobe" in lines
    assert "why no fentry: the policy reads registers" in lines


def test_many_functions_are_one_program() -> None:
    """Too many for a trampoline each; what is listed is cut."""
    calls = ["read", "write", "openat", "close", "dup", "dup2", "pipe", "mmap", "brk"]
    listed = ", ".join(f"sys_{call}" for call in calls)
    policy = f"""\
  lists:
  - {{name: some, type: syscalls, values: [{listed}]}}
  kprobes:
  - {{call: "list:some"}}
"""
    (lines,) = with_probes(HEAD + policy)

    assert lines[0].endswith(" and 3 more")
    assert "attached by kprobe-multi" in lines
    assert "why no fentry: one program serves all 9 functions" in lines
    assert "selectors none: every call is reported" in lines


def test_errors_are_those_of_loading() -> None:
    """A function that is not there."""
    with pytest.raises(PolicyError, match="security_file_permissions"):
        of_types(FILES.replace("security_file_permission", "security_file_permissions"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give it up")
def test_without_root(tmp_path: Path) -> None:
    """Abilities that cannot be tried are assumed, and that is said."""
    file = tmp_path / "policy.yaml"
    file.write_text(FILES)
    code = """\
import os, sys
from tetragon_core.policy.parse import parse_policy
from tetragon_sensors.policy.explain import explain
policy = parse_policy(open(sys.argv[1]).read())
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(explain(policy))
"""
    command = [sys.executable, "-c", code, str(file)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "ways of attaching assumed: they cannot be tried without root" in done.stdout
    assert "attached by fexit" in blocks(done.stdout)[0]
