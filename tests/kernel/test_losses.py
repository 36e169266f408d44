# SPDX-License-Identifier: Apache-2.0
"""What does not fit is counted: a full process table loses nothing, a full ring nothing unseen."""

from __future__ import annotations

import os
from collections import Counter as Tally
from typing import TYPE_CHECKING

from kernel.recorder import recording, spawn
from kernel.tree import tgid_of
from tetragon_core.messages import ExecFlag, ExecMessage, ExitMessage, ForkMessage
from tetragon_core.stats import Counter, Stats
from tetragon_sensors.base import BaseSensor, SensorConfig

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = 16
PROCESSES = 40
SMALL_RING = 65_536
LOST = {
    ExecMessage: Counter.RING_LOST_EXEC,
    ForkMessage: Counter.RING_LOST_FORK,
    ExitMessage: Counter.RING_LOST_EXIT,
}


def test_full_process_table(workload: Path) -> None:
    """40 processes, room for 16: fork, exec and exit of each arrive once, and each says so."""
    with recording(SensorConfig(process_entries=ENTRIES)) as recorder:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        program = [str(workload / "hold")]
        trees = [recorder.follow(spawn(program, stdin=reading)) for _ in range(PROCESSES)]
        os.close(reading)
        recorder.wait_until(lambda: all(tree.execs for tree in trees), "every exec")
        table = {
            int.from_bytes(key, "little") for key in recorder.sensor._maps["processes"].keys(4)
        }
        execs = [tree.only_exec for tree in trees]
        os.close(writing)
        for tree in trees:
            recorder.finish(tree)
        refused = recorder.sensor.counters()[Counter.PROCESS_TABLE_FULL]

    assert ENTRIES == len(table)
    untracked = [message for message in execs if message.flags & ExecFlag.UNTRACKED]
    ours = {tree.root for tree in trees}
    assert ours - table == {message.process.tgid for message in untracked}
    # refused at the fork and at the exec; other processes of this host count too
    assert 2 * len(untracked) <= refused
    for tree in trees:
        assert [ForkMessage, ExecMessage, ExitMessage] == [type(each) for each in tree.messages]
        (start,), (end,) = tree.exec_events, tree.exit_events
        assert start.process.exec_id == end.process.exec_id
        assert start.parent is end.parent is not None


def test_full_ring(workload: Path) -> None:
    """A storm into a ring nobody reads: delivered and counted as lost make all, kind by kind."""
    stats = Stats()
    with recording() as recorder:
        with BaseSensor(SensorConfig(ring_bytes=SMALL_RING), stats) as small:
            # an input that has no end: with it the storm would end too
            reading, writing = os.pipe2(os.O_CLOEXEC)
            storm = [str(workload / "storm"), "4", "100", str(workload / "finish")]
            tree = recorder.follow(spawn(storm, stdin=reading))
            recorder.finish(tree)
            os.close(reading)
            os.close(writing)
            lost = small.counters()
            received = []
            while records := small.drain(1000):
                received += records
            recovered = recorder.follow(spawn([str(workload / "finish"), "1"]))
            recorder.finish(recovered)
            later = [type(each) for each in small.drain(1000) if tgid_of(each) == recovered.root]
        assert {} == recorder.losses()

    workers = 4
    generated = Tally(type(message) for message in tree.messages)
    every = 1 + workers + workers * 100
    assert {ForkMessage: every, ExecMessage: every - workers, ExitMessage: every} == generated
    ours = {message.process.tgid for message in tree.messages}
    delivered = Tally(type(each) for each in received if tgid_of(each) in ours)
    strangers = Tally(type(each) for each in recorder.others)
    for kind, counter in LOST.items():
        missing = generated[kind] - delivered[kind]
        assert missing > 0
        # what others on this host did in the same time may have been lost as well
        assert missing <= lost[counter] <= missing + strangers[kind]
    assert [ForkMessage, ExecMessage, ExitMessage] == later
