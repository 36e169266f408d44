# SPDX-License-Identifier: Apache-2.0
"""Sites of USDT probes in files: offsets to attach to, and what a policy comes to on them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sensors.elf_file import AARCH64, BASE, CODE, DATA, Probe, elf_file
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.binaries.binary import Binary
from tetragon_sensors.binaries.usdt_sites import UsdtSite, read_usdt_sites
from tetragon_sensors.kernel.assumed import AssumedAbilities
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.check import make_plan
from tetragon_sensors.policy.explain import explain_plan

if TYPE_CHECKING:
    from pathlib import Path

X86 = pytest.mark.skipif("os.uname().machine != 'x86_64'")


def sites(path: Path, *probes: Probe) -> list[UsdtSite]:
    """Those of a file with these notes."""
    (path / "file").write_bytes(elf_file(*probes))
    return read_usdt_sites(Binary(str(path / "file")))


def test_a_site_is_where_its_code_is_in_the_file(tmp_path: Path) -> None:
    """Offsets of the instruction and of the semaphore, and the note's own words."""
    probe = Probe("app", "start", "8@%rdi", CODE + 0x20, DATA + 6)

    found = sites(tmp_path, probe, probe._replace(name="stop", semaphore=0))

    assert [
        UsdtSite("app", "start", 0x1020, CODE + 0x20, 0x2006, "8@%rdi"),
        UsdtSite("app", "stop", 0x1020, CODE + 0x20, 0, "8@%rdi"),
    ] == found


def test_prelink_moves_sites_and_semaphores(tmp_path: Path) -> None:
    """By as much as the section .stapsdt.base is away from where the note has it."""
    moved = Probe("app", "start", "", CODE + 0x5020, DATA + 0x5006, BASE + 0x5000)

    (found,) = sites(tmp_path, moved)

    assert (0x1020, CODE + 0x20, 0x2006) == (found.offset, found.address, found.ref_ctr_offset)


def test_what_the_linker_dropped_is_no_site(tmp_path: Path) -> None:
    """Code that is not in the file, or is data, is never attached to; a doubled note once."""
    kept = Probe("app", "start")
    elsewhere = (kept._replace(address=one) for one in (CODE + 0x1000, CODE - 1, DATA, 0))

    assert ["start"] == [one.name for one in sites(tmp_path, kept, kept, *elsewhere)]


def test_a_file_without_notes_has_no_sites(tmp_path: Path) -> None:
    """It is no error here: the policy's check says what is missing."""
    assert [] == sites(tmp_path)


# ---- policies ----


def kernel() -> Kernel:
    """The running one, of which everything is assumed possible."""
    found = Kernel.running()
    found.abilities = AssumedAbilities(found.btf)
    return found


def policy(path: Path, *arguments: str, more: str = "") -> str:
    """On app:start of the file."""
    return f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: plan}}
spec:
  usdts:
  - path: {path}
    provider: app
    name: start
    args: [{", ".join(arguments)}]
    {more}
"""


@X86
def test_sites_alike_share_a_program(tmp_path: Path) -> None:
    """All sites have one number, as their events do; others have a program of their own."""
    probes = [
        Probe("app", "start", text, CODE + at) for at, text in enumerate(("4@%edi", "4@%esi"))
    ]
    probes.append(Probe("app", "start", "4@%edi", CODE + 9))
    path = tmp_path / "file"
    path.write_bytes(elf_file(*probes))

    plan = make_plan(parse_policy(policy(path, "{index: 0, type: int32}")), kernel())

    places = [[target.offset for target in hook.targets] for hook in plan.hooks]
    assert [[0x1000, 0x1009], [0x1001]] == places
    numbers = [{target.hook for target in hook.targets} for hook in plan.hooks]
    assert [{1}, {2}] == numbers


@X86
def test_a_variable_parts_sites_that_reach_it_from_elsewhere(tmp_path: Path) -> None:
    """Each finds it from its own instruction, so they are not alike."""
    probes = [Probe("app", "start", "4@total(%rip)", CODE + at) for at in (0, 9)]
    path = tmp_path / "file"
    path.write_bytes(elf_file(*probes, symbols={"total": DATA + 0x40}))

    plan = make_plan(parse_policy(policy(path, "{index: 0, type: int32}")), kernel())

    assert 2 == len(plan.hooks)


@X86
def test_explain_tells_sites_and_where_arguments_are(tmp_path: Path) -> None:
    """Offset, semaphore, and the operand of the note."""
    path = tmp_path / "file"
    path.write_bytes(elf_file(Probe("app", "start", "8@%rdi -4@-4(%rbp)", CODE, DATA + 2)))
    facts = kernel()
    text = policy(path, "{index: 1, type: int32}")

    lines = [
        " ".join(line.split()) for line in explain_plan(make_plan(parse_policy(text), facts), facts)
    ]

    assert f"{path}:app:start" == lines[1]
    assert f"place at offset 0x1000 of {path}, reference counter at 0x2002" in lines
    assert "argument int from argument 1 (-4@-4(%rbp)); read for the record" in lines


def problem(text: str) -> str:
    """The only one of a policy."""
    with pytest.raises(PolicyError) as caught:
        make_plan(parse_policy(text), kernel())
    (line,) = str(caught.value).splitlines()
    return line


@X86
@pytest.mark.parametrize(
    ("probe", "message"),
    [
        (Probe("app", "start", "4@total(%rip)"), "cannot be read: the file has no symbol total"),
        (Probe("app", "start", "8f@%xmm0"), "cannot be read: it is a floating-point number"),
        (Probe("app", "start", "8@%fs:4"), "cannot be read: its operand is none that is known"),
        (Probe("app", "start", "%rdi"), "is no argument of a USDT probe"),
    ],
)
def test_an_argument_that_cannot_be_read_is_an_error(
    tmp_path: Path, probe: Probe, message: str
) -> None:
    """It names the argument as the note has it."""
    path = tmp_path / "file"
    path.write_bytes(elf_file(probe))

    line = problem(policy(path, "{index: 0, type: int32}"))

    assert message in line
    assert probe.arguments in line


@X86
@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "{index: 1, type: int8}",
            "argument 1 does not exist: app:start has 1 (8@%rdi)",
        ),
        ("{index: 0, type: char_buf, sizeArgIndex: 4}", "sizeArgIndex: argument 3 does not exist"),
        ("{index: 0, type: file}", "args[0].type: type file is a structure of the kernel"),
    ],
)
def test_an_argument_that_is_not_there_is_an_error(
    tmp_path: Path, argument: str, message: str
) -> None:
    """It says how many there are."""
    path = tmp_path / "file"
    path.write_bytes(elf_file(Probe("app", "start", "8@%rdi")))

    assert message in problem(policy(path, argument))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            Probe("app", "stat"),
            'provider app of PATH has no probe "start" (did you mean "stat"?)',
        ),
        (Probe("app", "stop"), 'has no probe "start"; it has stop'),
        (
            Probe("apt", "start"),
            'has no USDT provider "app" (did you mean "apt"?); it has apt',
        ),
        (Probe("app", "start", address=0), "path: PATH has no USDT probes"),
    ],
)
def test_a_probe_that_is_not_there_is_told_with_what_is(
    tmp_path: Path, found: Probe, message: str
) -> None:
    """One clear error at the place in the policy."""
    path = tmp_path / "file"
    path.write_bytes(elf_file(found))

    assert message.replace("PATH", str(path)) in problem(policy(path))


def test_a_probe_without_arguments_says_so(tmp_path: Path) -> None:
    """When a policy asks for one."""
    path = tmp_path / "file"
    path.write_bytes(elf_file(Probe("app", "start")))

    line = problem(policy(path, "{index: 0, type: int32}"))

    assert line.endswith("argument 0 does not exist: app:start has none")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """One that is not there, and one that is no executable."""
    (tmp_path / "text").write_text("text")

    lines = [problem(policy(tmp_path / name)) for name in ("text", "none")]

    assert lines[0].endswith(f"usdts[0].path: {tmp_path}/text: shorter than an ELF header")
    assert lines[1].endswith(f"path: cannot open {tmp_path}/none: No such file or directory")


def test_a_file_of_another_machine_is_refused(tmp_path: Path) -> None:
    """Its instructions never run here."""
    other = AARCH64 if os.uname().machine == "x86_64" else 62
    path = tmp_path / "file"
    path.write_bytes(elf_file(Probe("app", "start"), machine=other))

    assert f"path: {path} is for" in problem(policy(path))
