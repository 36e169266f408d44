# SPDX-License-Identifier: Apache-2.0
"""Actions of uprobes: the process goes on elsewhere, or not at all; calls that do not match do."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from kernel.descriptors import nothing_leaks
from kernel.policies import start
from kernel.probed import called, uprobe
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.policies import PolicyRun

TIMES: Final = 2000
FIRST: Final = 1000
"""Number of the first call that the policies want."""
OVERRIDE: Final = 5
"""enum KprobeAction."""

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


def acting(program: Path, action: str, more: str = "") -> str:
    """A policy for calls of may() from number FIRST on."""
    wanted = f"matchArgs: [{{index: 0, operator: GT, values: ['{FIRST - 1}']}}]"
    selectors = f"selectors: [{{{wanted}, matchActions: [{{{action}}}]}}]"
    return uprobe(
        program, "symbols: [may]", f"args: [{{index: 0, type: int32}}], {more}{selectors}"
    )


def outcome(path: Path) -> dict[str, int]:
    """What the program printed."""
    return {
        name: int(count) for name, count in (one.split() for one in path.read_text().splitlines())
    }


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("action: Override, argError: -1", "refused"),
        ("action: Override, argRegs: [rax=-1, rip=(%rsp), rsp=8%rsp]", "refused"),
        (
            "action: Override, argRegs: [eax=0xffffffff, 'r11=%rsp', 'rip=0 ( %r11 )', rsp=8%rsp]",
            "refused",
        ),
        ("action: Override, argNewSymbol: other", "swapped"),
    ],
)
def test_override(
    run: PolicyRun, program: Path, tmp_path: Path, action: str, expected: str
) -> None:
    """Calls that match go where the policy says, the others go on; elsewhere it is refused."""
    text, output = acting(program, action), tmp_path / "output"
    if not run.engine.kernel.abilities.can_write_registers:
        with pytest.raises(PolicyError, match=r"programs can write registers \(6.18\)"):
            run.hits(text, lambda: None)
        return

    with run.loaded(text) as policy:
        hits = run.hits_of(lambda: called(program, TIMES, output))
        counters = policy.counters()

    none = {"allowed": 0, "refused": 0, "swapped": 0}
    assert none | {"allowed": FIRST, expected: TIMES - FIRST} == outcome(output)
    assert [OVERRIDE] * (TIMES - FIRST) == [hit.action for hit in hits]
    assert (TIMES - FIRST, 0) == (counters["override"], counters["failed"])


def test_override_that_fails(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """Where memory cannot be read no register is changed, and the failure is counted."""
    text = acting(program, "action: Override, argRegs: [rax=7, rsp=0, rip=16(%rdi)]")
    output = tmp_path / "output"
    if not run.engine.kernel.abilities.can_write_registers:
        with pytest.raises(PolicyError, match=r"programs can write registers \(6.18\)"):
            run.hits(text, lambda: None)
        return

    with run.loaded(text) as policy:
        hits = run.hits_of(lambda: called(program, TIMES, output))
        counters = policy.counters()

    assert {"allowed": TIMES, "refused": 0, "swapped": 0} == outcome(output)
    assert (0, TIMES - FIRST) == (counters["override"], counters["failed"])
    assert TIMES - FIRST == len(hits)


def test_two_overrides(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """Of two policies that redirect the same calls one does, and the process survives."""
    text, output = acting(program, "action: Override, argError: -1"), tmp_path / "output"
    if not run.engine.kernel.abilities.can_write_registers:
        with pytest.raises(PolicyError, match=r"programs can write registers \(6.18\)"):
            run.hits(text, lambda: None)
        return

    with run.loaded(text), run.loaded(text.replace("name: probed", "name: second")):
        hits = run.hits_of(lambda: called(program, TIMES, output))

    assert {"allowed": FIRST, "refused": TIMES - FIRST, "swapped": 0} == outcome(output)
    assert 2 * (TIMES - FIRST) == len(hits)


def test_monitored(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """In monitor mode calls go on, and events say what would have been done."""
    output = tmp_path / "output"

    with run.loaded(acting(program, "action: Sigkill")) as policy:
        policy.set_monitor(on=True)
        hits = run.hits_of(lambda: called(program, TIMES, output))

    assert {"allowed": TIMES, "refused": 0, "swapped": 0} == outcome(output)
    assert [True] * (TIMES - FIRST) == [hit.is_monitored for hit in hits]


def test_kill(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """The process is killed in the first call that matches."""

    def spawn() -> None:
        with (tmp_path / "output").open("wb") as output:
            status = subprocess.run([program, str(TIMES)], stdout=output, check=False).returncode
        assert -signal.SIGKILL == status

    with run.loaded(acting(program, "action: Sigkill")):
        hits = run.hits_until_exit(start(spawn), of_all=True)

    assert [FIRST] == [hit.arguments[0].value for hit in hits]
    assert b"" == (tmp_path / "output").read_bytes()


@pytest.mark.parametrize(
    ("action", "more", "message"),
    [
        ("action: Override, argRegs: [nothing=1]", "", 'no register is called "nothing"'),
        ("action: Override, argRegs: [rax+1]", "", "is no assignment"),
        ("action: Override, argNewSymbol: missing", "", "has no function missing"),
        (
            "action: Override, argError: 1",
            "return: true, returnArg: {index: 0, type: int32}, ",
            "not possible together",
        ),
    ],
)
def test_refused(run: PolicyRun, program: Path, action: str, more: str, message: str) -> None:
    """What cannot be done is refused with the reason."""
    with pytest.raises(PolicyError, match=message):
        run.hits(acting(program, action, more), lambda: None)
