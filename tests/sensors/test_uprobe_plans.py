# SPDX-License-Identifier: Apache-2.0
"""A policy's uprobes on kernels that can more or less: programs, places, and what is refused."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.kernel.abilities import Ability
from tetragon_sensors.kernel.assumed import AssumedAbilities
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.check import make_plan
from tetragon_sensors.policy.explain import explain_plan
from tetragon_sensors.policy.plan import Method

if TYPE_CHECKING:
    from tetragon_sensors.policy.plan import Plan

TYPES: Final = Path("/sys/kernel/btf/vmlinux")
HEAD: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: plan}
spec:
"""
REFUSED: Final = Ability(allowed=False, reason="as the test wants")
ALLOWED: Final = Ability(allowed=True)
RESULT: Final = "return: true, returnArg: {index: 0, type: int32}"


class Old(AssumedAbilities):
    """Those of the oldest kernel."""

    can_uprobe_multi = REFUSED
    can_sleep_in_uprobe = REFUSED
    can_write_registers = REFUSED

    @cached_property
    def has_cookie(self) -> bool:
        """From 5.15 on."""
        return False


class New(AssumedAbilities):
    """Those of the newest."""

    can_uprobe_multi = ALLOWED
    can_sleep_in_uprobe = ALLOWED
    can_write_registers = ALLOWED


def kernel_with(abilities: type[AssumedAbilities]) -> Kernel:
    """A kernel of this one's types."""
    kernel = Kernel.from_btf(TYPES)
    kernel.abilities = abilities(kernel.btf)
    return kernel


def plan(
    abilities: type[AssumedAbilities], program: Path, *hooks: str, options: str = "[]"
) -> Plan:
    """The plan of a policy whose hooks are in one file."""
    lines = "".join(f"  - {{path: '{program}', {hook}}}\n" for hook in hooks)
    policy = parse_policy(f"{HEAD}  options: {options}\n  uprobes:\n{lines}")
    return make_plan(policy, kernel_with(abilities))


@pytest.fixture
def program(workload: Path) -> Path:
    """A program with names of its functions."""
    return workload / "called"


def test_one_program_for_many_places(program: Path) -> None:
    """Where attachments carry numbers one program serves all places, else each has its own."""
    hook = f"symbols: [may, other, deep], {RESULT}"

    new, old = (plan(each, program, hook).hooks for each in (New, Old))

    both = [Method.URETPROBE_MULTI, Method.UPROBE_MULTI]
    assert [(method, 3) for method in both] == [(one.method, len(one.targets)) for one in new]
    both = [Method.URETPROBE, Method.UPROBE] * 3
    assert [(method, 1) for method in both] == [(one.method, len(one.targets)) for one in old]


def test_option_against_one_attachment(program: Path) -> None:
    """disable-uprobe-multi attaches each place on its own."""
    option = "[{name: disable-uprobe-multi, value: 'true'}]"

    (hook,) = plan(New, program, "symbols: [may, other]", options=option).hooks

    assert (Method.UPROBE, True) == (hook.method, hook.uses_cookie)


def test_only_programs_that_read_memory_sleep(program: Path) -> None:
    """A program sleeps for texts of the process, and where the kernel allows it."""
    numbers = "symbols: [may], args: [{index: 0, type: int32}]"
    texts = "symbols: [text], args: [{index: 0, type: string}]"

    assert [False, True] == [one.sleeps for one in plan(New, program, numbers, texts).hooks]
    assert [False, False] == [one.sleeps for one in plan(Old, program, numbers, texts).hooks]


def test_new_place_of_each_symbol(program: Path) -> None:
    """The distance to a new place is that from the probe's own."""
    override = "selectors: [{matchActions: [{action: Override, argNewSymbol: other}]}]"

    hooks = plan(New, program, f"symbols: [may, text], {override}").hooks

    (other,) = plan(New, program, "symbols: [other]").hooks
    jumps = [one.selectors[0].match_actions[0].arg_regs for one in hooks]
    places = [one.targets[0].offset for one in hooks]
    assert [(f"rip={other.targets[0].offset - place}%rip",) for place in places] == jumps


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (
            "symbols: [may], selectors: [{matchActions: [{action: Override, argError: 1}]}]",
            r"programs can write registers \(6.18\): as the test wants",
        ),
        (
            "symbols: [text], args: [{index: 0, type: path}]",
            "type path is a structure of the kernel",
        ),
    ],
)
def test_refused(program: Path, hook: str, reason: str) -> None:
    """What cannot be done is refused with the reason."""
    with pytest.raises(PolicyError, match=reason):
        plan(Old, program, hook)


def test_rejected_file(program: Path) -> None:
    """A file without the digest is left out if the policy says so, whatever names its places."""
    ignored = "binaryDigests: ['sha1:" + 40 * "0" + "'], ignore: {digestVerificationFailure: true}"

    found = plan(
        New, program, f"symbols: [may, other+4], {ignored}", f"offsets: [0x1000], {ignored}"
    )

    assert () == found.hooks
    assert tuple(f"{program}:{one}" for one in ("may", "other+4", "0x1000")) == found.rejected


def test_explained(program: Path) -> None:
    """Explain tells file, build id and offset, and what the program cannot do."""
    kernel = kernel_with(Old)
    policy = "symbols: [text], args: [{index: 0, type: string}]"
    found = plan(Old, program, policy)

    lines = [" ".join(line.split()) for line in explain_plan(found, kernel)]

    (target,) = found.hooks[0].targets
    assert target.binary is not None
    build_id = target.binary.image.build_id().hex()[:12]
    assert [
        f"{program}:text",
        "attached by uprobe",
        "why no uprobe-multi: as the test wants",
        f"place text at offset {target.offset:#x} of {program}, build id {build_id}",
        "memory cannot read pages of the process that are not in memory: as the test wants",
        "reports when it is called",
    ] == lines[1:7]
