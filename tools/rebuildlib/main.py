# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/reproducible.

The second build has another directory, .venv, home, time, umask, time zone, language and number of
CPUs. The same are what the sources ask for: the lock files, the Python, and this system's compilers
and libraries; and the user, since another one could not install what is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from .comparing import differences

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
BUILT: Final = ROOT / "dist/tetragon-mini"
ELSEWHERE: Final = ROOT / "build/reproducible/a-folder-with-another-name/sources"
UMASK: Final = 0o027
SURROUNDINGS: Final = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "LANG": "tr_TR.UTF-8",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "PYTHONHASHSEED": "12345",
}


def main(arguments: list[str]) -> int:
    """Build again and compare; 1 when something differs, with a line for each."""
    parser = argparse.ArgumentParser(prog="tools/reproducible", description=__doc__)
    parser.add_argument(
        "--executable", type=Path, default=BUILT, help="what to compare with (%(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the second build's directory")
    parser.add_argument("--other", type=Path, help="a second executable, instead of building one")
    options = parser.parse_args(arguments)
    if not options.executable.is_file():
        parser.error(f"{options.executable} is not there; run: make dist")
    if not options.other and (changed := _changed()):
        parser.error(f"only what is committed can be built again, but {changed} is changed")
    second = options.other or build_again(ELSEWHERE)
    found = differences(options.executable, second)
    if not options.keep:
        shutil.rmtree(ELSEWHERE, ignore_errors=True)
    if found:
        print("\n".join(["reproducible: these differ:", *found]), file=sys.stderr)
        return 1
    print(f"reproducible: twice {hashlib.sha256(options.executable.read_bytes()).hexdigest()}")
    return 0


def build_again(folder: Path) -> Path:
    """Clone what is committed and let its own `make dist` build it; the executable."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    previous = os.umask(UMASK)
    try:
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        home = folder.with_name("home")
        home.mkdir(exist_ok=True)
        # The first build has all CPUs.
        built = subprocess.run(
            ["taskset", "--cpu-list", "0", "make", "-C", folder, "dist"],
            check=False,
            env={**os.environ, **SURROUNDINGS, **_python_and_downloads(), "HOME": str(home)},
        )
    finally:
        os.umask(previous)
    if built.returncode != 0:
        raise SystemExit(f"reproducible: the second build failed, in {folder}")
    return folder / "dist/tetragon-mini"


def _python_and_downloads() -> dict[str, str]:
    """The same Python, by its path, and pip's downloads: both may be found through the home."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    configs = (home / ".config/pip/pip.conf", home / ".pip/pip.conf")
    config = [str(path) for path in configs if path.is_file()]
    return {
        "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}",
        "PIP_CACHE_DIR": str(cache / "pip"),
        **({"PIP_CONFIG_FILE": config[0]} if config else {}),
    }


def _changed() -> str:
    """A file of the sources that is not as it is committed; empty when there is none."""
    command = ["git", "-C", str(ROOT), "status", "--porcelain"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return lines[0][3:] if lines else ""
