# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/vm."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Final

from .errors import VmError
from .guest import GuestCommand
from .kernels import SUITES, find_kernel
from .platforms import PLATFORMS
from .runner import DIED, Limits, run_machine
from .shares import parse_share

__all__ = ["main"]

CACHE: Final = Path(__file__).resolve().parents[2] / "build/vm"
INTERRUPTED: Final = 130

DESCRIPTION: Final = """\
Run a command on another kernel: boots a Debian kernel under QEMU (no KVM needed) whose root is this
host's. Changes are forgotten, except below --rw directories. Output is the command's standard
output and error in one stream; exit code is the command's, 124 after --timeout, 125 when the
machine died.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="tools/vm",
        description=DESCRIPTION,
        epilog="DEBIAN_MIRROR names the mirror, VM_CACHE the directory for kernels (build/vm).",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kernel", choices=list(SUITES), help="which kernel; newest is that of Debian unstable")
    add("--arch", choices=list(PLATFORMS), default="amd64", help="of the kernel and of --root")
    add("--root", type=Path, default=Path("/"), metavar="DIR", help="another root than this host's")
    add("--memory", default="2G", metavar="SIZE", help="memory of the machine (%(default)s)")
    add("--cpus", type=int, default=1, metavar="N", help="one is fastest to boot (%(default)s)")
    add("--cgroup", choices=["v2", "hybrid"], default="v2", help="what is at /sys/fs/cgroup")
    add("--rw", action="append", default=[], metavar="DIR[=PLACE]", help="share for writing")
    add("--ro", action="append", default=[], metavar="DIR[=PLACE]", help="share for reading")
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="set a variable there")
    add("--icount", action="store_true", help="one instruction takes exactly one nanosecond")
    add("--timeout", type=float, default=600, metavar="S", help="give up after (%(default)s)")
    add("--refresh", action="store_true", help="look for a newer package of this kernel first")
    add("-v", "--verbose", action="store_true", help="say which kernel it is and how long it took")
    add("command", nargs="+", help="put -- before it")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Find the kernel and run the command in it."""
    cache = Path(os.environ.get("VM_CACHE", CACHE)).resolve()
    platform = PLATFORMS[options.arch]
    kernel = find_kernel(options.kernel, cache, platform, refresh=options.refresh)
    if options.verbose:
        sys.stderr.write(f"vm: kernel {kernel.release}\n")
    shares = [
        parse_share(text, is_readonly=is_readonly)
        for is_readonly, texts in ((True, options.ro), (False, options.rw))
        for text in texts
    ]
    named = dict(pair.partition("=")[::2] for pair in options.env)
    guest = GuestCommand(
        arguments=options.command,
        directory=Path.cwd(),
        cgroup=options.cgroup,
        environment={"PATH": os.environ.get("PATH", os.defpath), **named},
    )
    limits = Limits(
        memory=options.memory,
        cpus=options.cpus,
        icount=options.icount,
        timeout_s=options.timeout,
    )
    return run_machine(kernel, guest, shares, limits, options.root.resolve(strict=True))


def main(arguments: list[str]) -> int:
    """Run and return the exit code; what went wrong with the machine itself is one line."""
    start = time.monotonic()
    options = parse(arguments)
    try:
        return run(options)
    except (VmError, OSError) as error:
        sys.stderr.write(f"vm: {error}\n")
        return DIED
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if options.verbose:
            sys.stderr.write(f"vm: {time.monotonic() - start:.1f} s\n")
