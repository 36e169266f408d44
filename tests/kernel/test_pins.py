# SPDX-License-Identifier: Apache-2.0
"""What is pinned goes on without a descriptor, and ends when it is unpinned."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.descriptors import nothing_leaks
from tetragon_core.errors import LoadError
from tetragon_sensors.kernel.attachments import attach_raw_tracepoint, attach_tracepoint
from tetragon_sensors.kernel.calls import close_fd, open_perf_event
from tetragon_sensors.kernel.maps import create_map
from tetragon_sensors.kernel.pins import BPFFS, is_bpffs, mount_bpffs, pin
from tetragon_sensors.kernel.programs import ProgramKind, load_program
from tetragon_sensors.kernel.tracefs import find_tracefs
from tetragon_sensors.policy.earlier import EarlierRuns
from tetragon_sensors.policy.keeping import KeepingPlace, read_record
from tetragon_sensors.policy.state import STATE, STATE_MAP, PolicyState, StateOffset
from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.linker import link
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.maps import Map
    from tetragon_sensors.policy.keeping import KeptPolicy

EVENT = "oom_score_adj_update"
"""Happens when this process writes its score, and hardly ever else."""

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


@pytest.fixture
def root() -> Iterator[Path]:
    """A place nobody else keeps policies in; nothing may be left in it."""
    mount_bpffs()
    path = BPFFS / f"test-pins-{os.getpid()}"
    yield path
    assert not path.exists()


@pytest.fixture
def table() -> Iterator[Map]:
    """The state of a policy."""
    with create_map(STATE_MAP) as made:
        yield made


def keep(
    place: KeepingPlace, table: Map, name: str, record: bytes, *attachments: Attachment
) -> KeptPolicy:
    """Keep a policy with this state."""
    return place.keep(name, record, others=attachments, maps={STATE: table.fd})


def happen(times: int) -> None:
    """Let the event happen."""
    score = Path("/proc/self/oom_score_adj")
    for _ in range(times):
        score.write_text(score.read_text())


def attempts(state: PolicyState) -> int:
    """How often the program ran that counting() attached."""
    return state.counters()["attempts"]


def counting(table: Map, kind: ProgramKind) -> Attachment:
    """A program at the event that counts its runs as attempts."""
    asm = Assembler("counting")
    asm.load_map_value(Register.R1, table.fd, StateOffset.LEDGER)
    asm.mov(Register.R2, 1)
    asm.atomic_add(Register.R1, 0, Register.R2)
    asm.mov(Register.R0, 0)
    asm.exit()
    with load_program(kind, link(asm).instructions, name="counting") as program:
        if kind is ProgramKind.RAW_TRACEPOINT:
            return attach_raw_tracepoint(program, EVENT)
        with closing(find_tracefs()) as tracefs:
            return attach_tracepoint(program, tracefs.event("oom", EVENT).event_id)


def test_a_kept_policy_goes_on_until_it_is_detached(root: Path, table: Map) -> None:
    """Runs continue without the agent's descriptors; the ledger is final after detach()."""
    place = KeepingPlace(root, {"ring": table.fd})
    with counting(table, ProgramKind.RAW_TRACEPOINT) as attachment:
        keep(place, table, "a.policy", b"a record", attachment)
    place.close()
    happen(3)

    runs = EarlierRuns(root)
    (found,) = runs.policies()
    record = found.record()
    happen(2)
    found.detach()
    happen(7)
    counted = found.counters()["attempts"]
    found.remove()
    runs.collect()
    runs.close()

    assert b"a record" == record
    assert 5 == counted


def test_a_policy_that_is_unpinned_ends_at_once(root: Path, table: Map) -> None:
    """While the attachment is open it stays; without it nothing runs once remove() returns."""
    state = PolicyState(table)
    place = KeepingPlace(root, {})
    with counting(table, ProgramKind.RAW_TRACEPOINT) as attachment:
        kept = keep(place, table, "a", b"", attachment)
        for path in root.glob("*/a_1/link_0"):
            path.unlink()
        happen(2)
        pin(attachment.descriptors[0], next(root.glob("*/a_1")) / "link_0")
    happen(2)
    kept.remove()
    happen(2)
    place.close()

    assert 4 == attempts(state)


def test_links_of_perf_events(root: Path, table: Map) -> None:
    """A tracepoint goes on too, or is told to end with the agent (before kernel 5.15)."""
    state = PolicyState(table)
    place = KeepingPlace(root, {})
    with counting(table, ProgramKind.TRACEPOINT) as attachment:
        kept = keep(place, table, "a", b"", attachment)
    happen(2)
    goes_on = attempts(state) == 2
    kept.remove()
    place.close()

    assert goes_on == (kept.unpinned == 0)


def test_records_are_changed_in_place(root: Path, table: Map) -> None:
    """A longer one is read back; one that does not fit is refused and changes nothing."""
    place = KeepingPlace(root, {})
    kept = keep(place, table, "a", b"short")
    path = next(root.glob("*/a_1/record"))

    kept.change_record(b"l" * 1000)
    with pytest.raises(LoadError, match="no room"):
        kept.change_record(b"l" * 10000)

    assert b"l" * 1000 == read_record(path)
    kept.remove()
    place.close()


def test_runs_of_the_living_are_left_alone(root: Path, table: Map) -> None:
    """Nobody takes what another agent keeps; with force it is found."""
    place = KeepingPlace(root, {})
    kept = keep(place, table, "a", b"")

    seen = EarlierRuns(root)
    forced = EarlierRuns(root, force=True)

    assert (0, 1) == (len(seen.policies()), seen.living)
    assert (1, 1) == (len(forced.policies()), forced.living)
    for runs in (seen, forced):
        runs.close()
    kept.remove()
    place.close()


def test_what_an_agent_did_not_finish_is_removed(root: Path, table: Map) -> None:
    """A policy under its unfinished name was never enabled."""
    place = KeepingPlace(root, {})
    keep(place, table, "a", b"whole")
    (whole,) = root.glob("*/a_1")
    half = whole.with_name("new_b_1")
    half.mkdir()
    pin(table.fd, half / "state")
    place.close()

    runs = EarlierRuns(root)

    assert [b"whole"] == [each.record() for each in runs.policies()]
    assert not half.exists()
    for policy in runs.policies():
        policy.remove()
    runs.collect()
    runs.close()


def test_a_record_that_is_none(root: Path, table: Map) -> None:
    """Whatever somebody put there is an error that names it, and can be removed."""
    place = KeepingPlace(root, {})
    keep(place, table, "a", b"")
    (policy,) = root.glob("*/a_1")
    (policy / "record").unlink()
    place.close()

    runs = EarlierRuns(root)
    (found,) = runs.policies()

    with pytest.raises(LoadError, match="a_1/record"):
        found.record()
    found.remove()
    runs.collect()
    runs.close()


def test_two_policies_of_one_name(root: Path, table: Map) -> None:
    """They have places of their own, also while the older one is replaced."""
    place = KeepingPlace(root, {})
    kept = [keep(place, table, "a", record) for record in (b"1", b"2")]
    place.close()

    runs = EarlierRuns(root)

    assert {b"1", b"2"} == {each.record() for each in runs.policies()}
    for each in kept:
        each.remove()
    runs.collect()
    runs.close()


def test_a_place_that_others_may_write_to(root: Path, table: Map) -> None:
    """What anybody could have put there is not believed."""
    root.mkdir()
    root.chmod(0o777)

    with pytest.raises(LoadError, match="remove it"):
        keep(KeepingPlace(root, {}), table, "a", b"")
    with pytest.raises(LoadError, match="remove it"):
        EarlierRuns(root)

    root.rmdir()


def test_links_to_other_directories(root: Path, tmp_path: Path) -> None:
    """Nothing behind a symbolic link is removed, be it a run's or a policy's name."""
    precious = tmp_path / "policy_1" / "precious"
    precious.parent.mkdir()
    precious.touch()
    root.mkdir(0o700)
    (root / "run_1_1").symlink_to(tmp_path)
    (root / "run_2_1").mkdir()
    (root / "run_2_1" / "policy_1").symlink_to(precious.parent)

    runs = EarlierRuns(root)
    assert [] == runs.policies()
    runs.collect()
    runs.close()

    assert precious.exists()
    assert ["run_1_1"] == [path.name for path in root.iterdir()]
    (root / "run_1_1").unlink()
    root.rmdir()


def test_a_place_that_is_no_bpf_file_system(tmp_path: Path, table: Map) -> None:
    """The reason is one line that names the directory."""
    above = tmp_path / "not-there"

    with pytest.raises(LoadError, match=f"{above} is no BPF file system"):
        keep(KeepingPlace(above / "x", {}), table, "a", b"")

    assert not is_bpffs(above)


def test_a_descriptor_that_cannot_be_pinned(root: Path) -> None:
    """Of a perf event pin() says so; it is no error."""
    root.mkdir(0o700)
    software, dummy = 1, 9
    event, _ = open_perf_event(software, dummy, pid=os.getpid())

    assert not pin(event, root / "event")

    close_fd(event)
    root.rmdir()
