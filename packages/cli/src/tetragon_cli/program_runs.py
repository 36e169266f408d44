# SPDX-License-Identifier: Apache-2.0
"""Runs of BPF programs for `debug progs`: how often, and what part of the time of all CPUs.

The kernel counts only while somebody asks it to, which makes every program of the machine a bit
slower; it is asked for as long as the command runs.
"""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

from .columns import aligned
from .kernel_objects import agent_objects
from .signals import StoppedQuietly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tetragon_sensors.kernel.inventory import ProgramEntry

__all__ = ["RunTables", "count_until_stopped", "run_rows"]

_TITLES: Final = ("Ovh(%)", "Id", "Cnt", "Time", "Name", "Pin")


class RunTables:
    """Tables, one at the end of each interval; use it as a context manager."""

    def __init__(self, places: tuple[Path, Path] | None, interval_s: int) -> None:
        """`places`: where the agent pins, and its info file; None: programs of everybody."""
        self._places = places
        self._interval_s = interval_s
        self._counting = -1

    def __enter__(self) -> Self:
        from tetragon_sensors.kernel.programs import open_run_statistics  # noqa: PLC0415  # not for --help

        self._counting = open_run_statistics()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._counting)

    def __iter__(self) -> Iterator[str]:
        before, began = self._programs(), time.monotonic()
        while True:
            time.sleep(self._interval_s)
            now, ended = self._programs(), time.monotonic()
            spent_ns = (ended - began) * 1e9 * (os.cpu_count() or 1)
            rows = aligned([_TITLES, *run_rows(before, now, spent_ns)])
            yield "".join(f"{line}\n" for line in (str(datetime.now().astimezone()), "", *rows))
            before, began = now, ended

    def _programs(self) -> dict[int, tuple[ProgramEntry, str]]:
        """By number, with the place each was found at."""
        from tetragon_sensors.kernel import inventory  # noqa: PLC0415  # not for --help

        places = agent_objects(*self._places).programs if self._places else None
        return {
            one.number: (one, "-" if places is None else places[one.number])
            for one in inventory.list_programs()
            if places is None or one.number in places
        }


def run_rows(
    before: Mapping[int, tuple[ProgramEntry, str]],
    now: Mapping[int, tuple[ProgramEntry, str]],
    spent_ns: float,
) -> list[tuple[str, ...]]:
    """One row for each program that was there at both times, those that took the most first."""
    runs = [
        (one.run_time_ns - before[number][0].run_time_ns, one, place)
        for number, (one, place) in now.items()
        if number in before
    ]
    return [
        (
            f"{100 * taken_ns / spent_ns:6.2f}",
            str(one.number),
            str(one.run_count - before[one.number][0].run_count),
            str(taken_ns),
            one.name,
            place,
        )
        for taken_ns, one, place in sorted(runs, key=lambda row: (-row[0], row[1].number))
    ]


def count_until_stopped() -> None:
    """Have the kernel count runs until a signal says that it is enough."""
    with RunTables(None, 1), StoppedQuietly():
        while True:
            signal.pause()
