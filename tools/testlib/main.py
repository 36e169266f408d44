# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/test: every level is one tox environment, run one after the other."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from .results import LevelResult, read_result, summary

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / "build/test"
TOX: Final = ROOT / ".venv/bin/tox"

VM_LEVELS: Final = ("vm-5.10", "vm-6.1", "vm-6.12", "vm-newest")
LEVELS: Final = ("unit", "compiled", "contract", "kernel", "exe", *VM_LEVELS)
ROOT_LEVELS: Final = frozenset({"kernel", "exe"})


def missing(level: str) -> str:
    """What this machine lacks for the level; empty when it can run it."""
    if level in ROOT_LEVELS and os.geteuid() != 0 and shutil.which("sudo") is None:
        return "needs root"
    if level in VM_LEVELS and platform.machine() != "x86_64":
        return "its kernels are for x86_64, as are the programs it would run in them"
    return ""


def run_level(level: str, arguments: list[str]) -> LevelResult:
    """Run one tox environment and read its results."""
    sys.stdout.write(f"== {level}\n")
    sys.stdout.flush()
    junit = RESULTS / f"{level}.xml"
    junit.unlink(missing_ok=True)
    command = [str(TOX), "--current-env", "-q", "-e", level, "--", *arguments]
    if level in ROOT_LEVELS and os.geteuid() != 0:
        command = ["sudo", "--preserve-env=PATH", *command]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return read_result(level, junit, ok=code == 0)


def main(arguments: list[str]) -> int:
    """Run the levels; 1 when one of them failed, or with --all could not be run."""
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__)
    parser.add_argument("--all", action="store_true", help="a level that cannot run is a failure")
    parser.add_argument("levels", nargs="*", metavar="LEVEL", help=f"of {', '.join(LEVELS)}")
    options, rest = parser.parse_known_args(arguments)
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = []
    for level in options.levels or LEVELS:
        if reason := missing(level):
            results.append(LevelResult(level=level, ok=not options.all, note=f"not run: {reason}"))
        else:
            results.append(run_level(level, rest))
    sys.stdout.write(summary(results) + "\n")
    return 0 if all(result.ok for result in results) else 1
