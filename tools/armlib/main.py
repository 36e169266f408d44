# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/arm64."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from vmlib.errors import VmError
from vmlib.guest import GuestCommand
from vmlib.kernels import SUITES, find_kernel
from vmlib.platforms import PLATFORMS
from vmlib.runner import DIED, Limits, run_machine
from vmlib.shares import Share

from .root import find_root
from .wheels import LOCKS, PYTHON, download

__all__ = ["main"]

TREE: Final = Path(__file__).resolve().parents[2]
CACHE: Final = TREE / "build/arm64"
KERNELS: Final = TREE / "build/vm"
WRITABLE: Final = ("build/workload", "build/test")
"""Folders of this tree that the machine has others of: programs of its architecture, results."""
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"

DESCRIPTION: Final = """\
Run a command on an arm64 kernel, emulated by QEMU. Its root is Debian's arm64 packages and the
locked Python packages; this tree is where it is here, but cannot be written to, except for
build/test and build/workload, which are build/arm64/test and build/arm64/workload here.
With "wheels" instead of a kernel: only see that every locked package has a wheel for arm64.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="tools/arm64",
        description=DESCRIPTION,
        epilog="example: tools/arm64 6.12 -- python3 -m pytest tests/kernel -k exec",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kernel", choices=[*SUITES, "wheels"], help="which kernel")
    add("--memory", default="2G", metavar="SIZE", help="memory of the machine (%(default)s)")
    add("--timeout", type=float, default=3600, metavar="S", help="give up after (%(default)s)")
    add("--python", default=PYTHON, metavar="X.Y", help="of wheels: for which (%(default)s)")
    add("command", nargs="*", help="what stands after --")
    # What is before it may end in options, after which argparse takes no more words.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:end])
    options.command += arguments[end + 1 :]
    return options


def see_wheels(python: str) -> int:
    """Download everything and forget it."""
    with tempfile.TemporaryDirectory(prefix="wheels.") as name:
        download([TREE / lock for lock in LOCKS], Path(name), python)
        count = len(list(Path(name).iterdir()))
    sys.stdout.write(f"arm64: {count} wheels for Python {python}\n")
    return 0


def run(options: argparse.Namespace) -> int:
    """Run the command; its exit code, or what tools/vm says of a machine that died."""
    root = find_root(CACHE, [TREE / lock for lock in LOCKS])
    kernel = find_kernel(options.kernel, KERNELS, PLATFORMS["arm64"])
    shares = [Share(path=TREE, place=TREE, is_readonly=True)]
    for name in WRITABLE:
        (TREE / name).mkdir(parents=True, exist_ok=True)
        mine = CACHE / Path(name).name
        mine.mkdir(parents=True, exist_ok=True)
        shares.append(Share(path=mine, place=TREE / name))
    sources = ":".join(str(path) for path in sorted(TREE.glob("packages/*/src")))
    guest = GuestCommand(
        arguments=options.command,
        directory=TREE,
        environment={"PATH": PATH, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    limits = Limits(memory=options.memory, timeout_s=options.timeout)
    return run_machine(kernel, guest, shares, limits, root)


def main(arguments: list[str]) -> int:
    """Run and return the exit code; what went wrong before the command is one line."""
    options = parse(arguments)
    try:
        if options.kernel == "wheels":
            return see_wheels(options.python)
        if not options.command:
            sys.stderr.write("arm64: what is to be run? for example: -- python3 -m pytest\n")
            return 2
        return run(options)
    except (VmError, OSError) as error:
        sys.stderr.write(f"arm64: {error}\n")
        return DIED
