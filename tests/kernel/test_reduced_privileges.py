# SPDX-License-Identifier: Apache-2.0
"""Each feature works with the capabilities of the table, and says which one it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.agents import await_ready, start_agent, subscribed
from kernel.few_capabilities import NOBODY, mask_of, outcome
from kernel.privileged import TRIALS, release, surroundings
from kernel.recorder import DEADLINE_S
from tetragon_core.privileges import FEATURES, Feature, Held
from tetragon_sensors.kernel.calls import raise_memory_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

PARANOID: Final = Path("/proc/sys/kernel/perf_event_paranoid")
FILES: Final = "CAP_DAC_READ_SEARCH"
LENIENT: Final = {"uprobes"}
"""Where the table says what newer kernels want."""
STRICT: Final = (6, 16)
ENOUGH: Final = ("bpf", "perfmon", "dac_read_search")
"""The last so that it can read Python, wherever that is."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Where the features are tried; maps lock as much memory as they like."""
    raise_memory_limit()
    with surroundings() as directory:
        yield directory


def wanted_here(one: Feature) -> tuple[str, ...]:
    """Capabilities for the feature on this kernel, as it is set."""
    return Held(0, int(PARANOID.read_text())).missing(one) or one.needs


def held(capabilities: set[str], one: Feature) -> str:
    """What the table says is missing, when one has these."""
    return Held(mask_of(capabilities), int(PARANOID.read_text()), one.by_locked_memory).told(one)


@pytest.mark.parametrize("one", FEATURES, ids=lambda one: one.name)
def test_a_feature_and_its_capabilities(one: Feature, place: Path) -> None:
    """All together are enough, also for another user than root; without one the error names it."""
    trial = TRIALS[one.name]
    if not trial.is_possible():
        pytest.skip("this kernel does not have it, or asks nobody for a capability")

    def tried(capabilities: set[str], user: int = 0) -> str:
        given = capabilities | set(trial.besides)
        return outcome(given, lambda: trial.action(place), user=user, prepare=trial.prepare)

    wanted = set(wanted_here(one))
    less = {name: wanted - {name} for name in wanted}
    told = {name: tried(rest) for name, rest in less.items() if held(rest, one)}

    assert ("", "") == (tried(wanted), tried(wanted | {FILES}, NOBODY))
    assert told
    assert {} == {
        name: text
        for name, text in told.items()
        if "Traceback" in text or not (names_all(less[name], one, text) or is_lenient(one, text))
    }


def names_all(capabilities: set[str], one: Feature, text: str) -> bool:
    """Whether the text has what is missing, as the table says it."""
    return held(capabilities, one) in text


def is_lenient(one: Feature, text: str) -> bool:
    """Whether an older kernel did it all the same."""
    return not text and one.name in LENIENT and release() < STRICT


@pytest.mark.one_kernel("the features above have the kernel's side", vm="6.1")
def test_an_agent_of_another_user(workload: Path) -> None:
    """It starts, shows processes of root, and tells at its start what it will not see."""
    lists = ",".join(f"+{name}" for name in ENOUGH)
    prefix = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    prefix += [f"--inh-caps={lists}", f"--ambient-caps={lists}", "--no-new-privs"]
    with surroundings() as directory:
        agent = start_agent(directory, prefix=prefix)
        try:
            await_ready(agent, directory)
            with subscribed(directory, workload / "finish"):
                user = Path(f"/proc/{agent.pid}").stat().st_uid
            log = (directory / "log").read_text()
        finally:
            agent.terminate()
            agent.wait(DEADLINE_S)

    warnings = [line for line in log.splitlines() if "level=warn" in line]
    assert NOBODY == user
    assert ["CAP_SYS_PTRACE is", "CAP_SYSLOG is"] == [line.split('"')[3][:-8] for line in warnings]
