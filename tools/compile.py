#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles the modules that handle each event, with Cython, into a copy of the packages.

The Python source is the program and the only thing to read or change; a `.pxd` file beside a module
says which of its classes become C structures, and nothing else. The copy, `build/compiled`, is used
by whoever has it first in the module path: `make run`, `make dist` and the test level `compiled`.
The source tree itself stays free of compiled modules, which would hide a change until they are made
again. Quick when nothing changed.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = ROOT / "build/compiled"
PACKAGES: Final = ("core", "sensors", "server")
MODULES: Final = (
    "tetragon_core.arguments",
    "tetragon_core.cache",
    "tetragon_core.clock",
    "tetragon_core.flags",
    "tetragon_core.ids",
    "tetragon_core.images",
    "tetragon_core.messages",
    "tetragon_core.observer",
    "tetragon_core.paths",
    "tetragon_core.process",
    "tetragon_core.signals",
    "tetragon_core.stats",
    "tetragon_sensors.base",
    "tetragon_sensors.decode",
    "tetragon_sensors.libbpf._batch",
    "tetragon_server.encode",
    "tetragon_server.process_bytes",
    "tetragon_server.pump",
    "tetragon_server.wire",
)
"""What runs for each record or event; compiling anything else would only cost memory."""
COPIED: Final = {".py", ".pyi", ".pxd", ".pyx", ".typed", ".o"}


def copy_sources() -> None:
    """Make the copy hold what the packages hold, leaving files alone that are equal."""
    wanted = set()
    for package in PACKAGES:
        source = ROOT / "packages" / package / "src"
        for path in source.rglob("*"):
            if path.suffix in COPIED and path.is_file():
                copy = TARGET / path.relative_to(source)
                wanted.add(copy)
                if not copy.exists() or not filecmp.cmp(path, copy, shallow=False):
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy)
    for path in TARGET.rglob("*"):
        if path.suffix in COPIED and path not in wanted and path.is_file():
            path.unlink()


def why_impossible() -> str:
    """What is missing here for compiling C against this Python; empty when nothing is."""
    if compiler() is None:
        return "no C compiler"
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return "no Python.h (Debian: python3-dev)"
    return ""


def compiler() -> str | None:
    """gcc, or clang, which is here for the BPF programs anyway."""
    return shutil.which("gcc") or shutil.which("clang")


def source_of(module: str) -> str:
    """Path of a module in the copy; the few that need C itself are not Python."""
    path = TARGET / module.replace(".", "/")
    candidates = (path.with_suffix(".py"), path.with_suffix(".pyx"))
    return str(next(one for one in candidates if one.exists()))


def build() -> None:
    """Compile what is older than its source."""
    from Cython.Build import cythonize  # noqa: PLC0415  takes half a second
    from setuptools import (  # type: ignore[import-untyped]  # noqa: PLC0415  has no types; as above
        Extension,
        setup,
    )

    name = str(compiler())
    # A Python may have been built with a compiler that is not here.
    os.environ |= {"CC": name, "LDSHARED": f"{name} -shared"}
    os.chdir(TARGET)
    extensions = [
        Extension(module, [source_of(module)], extra_compile_args=["-g0", "-w"])
        for module in MODULES
    ]
    # Annotations are for readers: taken literally, an `int` could be no other number, and a text
    # no subclass of str.
    directives = {"annotation_typing": False}
    made = cythonize(  # type: ignore[no-untyped-call]  # it has none
        extensions, nthreads=os.cpu_count(), quiet=True, compiler_directives=directives
    )
    arguments = ["--quiet", "build_ext", "--inplace", f"--parallel={os.cpu_count()}"]
    setup(name="tetragon-mini-compiled", ext_modules=made, script_args=arguments, packages=[])


def main() -> int:
    """Compile; 1 when that is not possible here."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--optional", action="store_true", help="go on without, where there is no compiler"
    )
    options = parser.parse_args()
    reason = why_impossible()
    if reason:
        shutil.rmtree(TARGET, ignore_errors=True)  # what is there may be older than the source
        print(f"compile: {reason}: the agent will run as plain Python", file=sys.stderr)
        return 0 if options.optional else 1
    copy_sources()
    build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
