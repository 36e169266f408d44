# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/machine."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from vmlib.errors import VmError
from vmlib.kernels import SUITES, find_kernel

from .machine import Machine
from .root import find_disk

__all__ = ["BUILD", "main"]

BUILD: Final = Path(__file__).resolve().parents[2] / "build"
FAILED: Final = 125
INTERRUPTED: Final = 130
REBOOT: Final = "reboot"

DESCRIPTION: Final = """\
Run commands in a machine that systemd boots: a small Debian under QEMU (no KVM needed), with a disk
that keeps what is written for as long as the machine is used. Each COMMAND is a line of bash that
root runs; the word reboot restarts the machine. The first one that fails is the last, and its exit
code that of this program; 125 when the machine itself failed.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="tools/machine",
        description=DESCRIPTION,
        epilog="DEBIAN_MIRROR names the mirror; the root is kept in build/machine.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--kernel", choices=list(SUITES), default="6.1", help="which one (%(default)s)")
    add("--share", type=Path, default=BUILD.parent, metavar="DIR", help="is /host there, read-only")
    add("--timeout", type=float, default=120, metavar="S", help="for each command (%(default)s)")
    add("--refresh", action="store_true", help="fetch newer packages for the root first")
    add("--console", action="store_true", help="print the machine's console at the end")
    add("--prepare", action="store_true", help="only fetch what is needed")
    add("commands", nargs="*", metavar="COMMAND", help="put -- before the first")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Boot the machine and run the commands in it."""
    kernel = find_kernel(options.kernel, BUILD / "vm")
    image = find_disk(BUILD / "machine", refresh=options.refresh)
    if options.prepare:
        return 0
    with tempfile.TemporaryDirectory(prefix="machine.") as name:
        shared = options.share.resolve(strict=True)
        machine = Machine(kernel=kernel, image=image, work=Path(name), shared=shared)
        start = time.monotonic()
        with machine:
            sys.stderr.write(f"machine: booted in {time.monotonic() - start:.1f} s\n")
            code = run_all(machine, options.commands, options.timeout)
        if options.console:
            sys.stderr.write(machine.console())
        return code


def run_all(machine: Machine, commands: list[str], timeout_s: float) -> int:
    """Run the commands until one fails."""
    for command in commands:
        if command == REBOOT:
            machine.reboot()
            continue
        done = machine.run(command, timeout_s=timeout_s)
        sys.stdout.write(done.output)
        sys.stdout.flush()
        if done.code != 0:
            return done.code
    return 0


def main(arguments: list[str]) -> int:
    """Run and return the exit code; what went wrong with the machine itself is said."""
    try:
        return run(parse(arguments))
    except (VmError, OSError) as error:
        sys.stderr.write(f"machine: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
