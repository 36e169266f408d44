# SPDX-License-Identifier: Apache-2.0
"""Takes all measurements and prints them; see `make bench ARGS=--help`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from .executable import Start, first_event, version
from .hook import hook_costs
from .programs import compile_load
from .table import ROWS, lines

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "tools/bench/load.c"
PARTS: Final = ("core", "sensors", "server", "cli")
PATHS: Final = (
    *(ROOT / "tools", ROOT / "build/compiled"),
    *(ROOT / "packages" / part / "src" for part in PARTS),
)
TIMEOUT_S: Final = 1800

METHOD: Final = """\
Kernel {kernel} in a virtual machine with one CPU where an instruction takes one nanosecond, so CPU
times are numbers of instructions, user and kernel. They know nothing of caches: compare them with
each other, not with a clock. They are not exact: the machine's clock jumps while it waits for a
file, and what else this host does shifts figures per event by up to half. Compare two versions only
side by side and more than once. Python {python}, with compiled modules as in the executable; each
exec makes two events. Quiet: 20 ms between execs, so that the agent sleeps and wakes for each;
busy: one exec right after the other, on the one CPU.
"""
HOST_METHOD: Final = """\
The executable, on this host (kernel {kernel}, {cpus} CPUs): CPU of the process and its children as
wait4(2) tells, median of several runs. Times depend on the host and its load.
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--kernel", default="6.1", help="kernel of the machine (%(default)s)")
    parser.add_argument("--only", nargs="+", default=[], help="measurements, as raw figures")
    parser.add_argument("--hook", type=Path, help="another OCI hook, to compare ours with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        load = compile_load(SOURCE, Path(name) / "load")
        compile_load(SOURCE.with_name("calls.c"), load.with_name("calls"))
        figures = measure_in_machine(options.kernel, load, options.only)
    if options.only:
        print(json.dumps(figures, indent=1))
        return 0
    print(METHOD.format(kernel=options.kernel, python=sys.version.split()[0]))
    table = [(row.what, row.value(figures), row.target) for row in ROWS]
    print("\n".join(lines([("instructions or memory", "measured", "target"), *table])), "\n")
    print(HOST_METHOD.format(kernel=os.uname().release, cpus=os.cpu_count()))
    print("\n".join(lines([("executable", "measured", "target"), *executable_rows(options.hook)])))
    return 0


def measure_in_machine(kernel: str, load: Path, names: list[str]) -> dict[str, dict[str, int]]:
    """Figures of each measurement by name."""
    command = [
        *(str(ROOT / "tools/vm"), kernel, "--icount", "--timeout", str(TIMEOUT_S)),
        *("--env", f"PYTHONPATH={':'.join(map(str, PATHS))}", "--"),
        *(sys.executable, "-m", "bench.guest", str(load), *names),
    ]
    figures: dict[str, dict[str, int]] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as machine:
        assert machine.stdout is not None
        for line in machine.stdout:
            if line.startswith("{"):
                figures |= json.loads(line)
                sys.stderr.write(f"bench: {line}")
            else:
                sys.stderr.write(line)
    if machine.returncode:
        sys.exit(f"bench: the measurement ended with exit code {machine.returncode}")
    return figures


def executable_rows(hook: Path | None) -> list[tuple[str, str, str]]:
    """Size and start times, as far as the file is built and we are root."""
    program = ROOT / "dist/tetragon-mini"
    if not program.exists():
        return [("not built: make dist", "", "")]
    rows = [
        ("size", f"{program.stat().st_size / 1e6:.1f} MB", "22 MB"),
        ("version", start_text(version(program)), "200 ms CPU"),
    ]
    if os.geteuid() == 0:
        rows.append(("getevents, first event", start_text(first_event(program)), ""))
        costs = hook_costs(program, hook)
        rows += [(name, f"{cost:.1f} ms CPU", "") for name, cost in costs.items()]
    return rows


def start_text(start: Start) -> str:
    """CPU and elapsed time."""
    return f"{start[0]:.0f} ms CPU, {start[1]:.0f} ms elapsed"


if __name__ == "__main__":
    sys.exit(main())
