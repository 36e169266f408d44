# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/test: every level is one tox environment.

They run one after the other, but for the virtual machines, which use one CPU each: these run side
by side, as many as there are CPUs, and what each says is printed when it is over.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from .results import LevelResult, read_result, summary

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / "build/test"
TOX: Final = ROOT / ".venv/bin/tox"

VM_LEVELS: Final = ("vm-5.10", "vm-6.1", "vm-6.12", "vm-newest")
MACHINE_LEVEL: Final = "machine"
UNPACKED_LEVELS: Final = ("runtimes", "kubernetes")
LEVELS: Final = (
    *("unit", "compiled", "contract", "kernel", "exe", "docs", "roots"),
    *UNPACKED_LEVELS,
    *VM_LEVELS,
    MACHINE_LEVEL,
)
ROOT_LEVELS: Final = frozenset({"kernel", "exe", "docs", "roots", *UNPACKED_LEVELS})


def missing(level: str) -> str:
    """What this machine lacks for the level; empty when it can run it."""
    if level in ROOT_LEVELS and os.geteuid() != 0 and shutil.which("sudo") is None:
        return "needs root"
    if (
        level in {*VM_LEVELS, MACHINE_LEVEL, "roots", *UNPACKED_LEVELS}
        and platform.machine() != "x86_64"
    ):
        return "what it runs was fetched for x86_64"
    return ""


def run_level(level: str, arguments: list[str], *, is_alone: bool = True) -> LevelResult:
    """Run one tox environment and read its results; unless alone, print all at its end."""
    _say(f"== {level}\n" if is_alone else "")
    junit = RESULTS / f"{level}.xml"
    junit.unlink(missing_ok=True)
    command = [str(TOX), "--current-env", "-q", "-e", level, "--", *arguments]
    if level in ROOT_LEVELS and os.geteuid() != 0:
        command = ["sudo", "--preserve-env=PATH", *command]
    done = subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        text=True,
        errors="replace",
        stdout=None if is_alone else subprocess.PIPE,
        stderr=None if is_alone else subprocess.STDOUT,
    )
    _say("" if is_alone else f"== {level}\n{done.stdout}")
    return read_result(level, junit, ok=done.returncode == 0)


def run_together(levels: list[str], arguments: list[str]) -> list[LevelResult]:
    """Run virtual machines, as many at once as there are CPUs."""
    if len(levels) < 2:
        return [run_level(level, arguments) for level in levels]
    _say(f"== {', '.join(levels)}: side by side, output at the end of each\n")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        work = [pool.submit(run_level, level, arguments, is_alone=False) for level in levels]
        return [one.result() for one in work]


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run the levels; 1 when one of them failed, or with --all could not be run."""
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__)
    parser.add_argument("--all", action="store_true", help="a level that cannot run is a failure")
    parser.add_argument("levels", nargs="*", metavar="LEVEL", help=f"of {', '.join(LEVELS)}")
    options, rest = parser.parse_known_args(arguments)
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = []
    machines = []
    for level in options.levels or LEVELS:
        if reason := missing(level):
            results.append(LevelResult(level=level, ok=not options.all, note=f"not run: {reason}"))
        elif level in {*VM_LEVELS, MACHINE_LEVEL}:
            machines.append(level)
        else:
            results.append(run_level(level, rest))
    results += run_together(machines, rest)
    sys.stdout.write(summary(results) + "\n")
    return 0 if all(result.ok for result in results) else 1
