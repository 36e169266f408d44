# SPDX-License-Identifier: Apache-2.0
"""What is neither an installed Python package nor a shared library of the system.

That is our own code, Python itself, and what starts both: PyInstaller's program, and the launcher
with the two libraries that are linked into it.
"""

from __future__ import annotations

import platform
import re
import sys
import sysconfig
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .component import Component
from .debian import installed
from .tree import PROGRAM

if TYPE_CHECKING:
    from .tree import Item

__all__ = ["claim_own", "claim_python", "claim_starter", "launcher_parts", "own_version", "product"]

ROOT: Final = Path(__file__).resolve().parents[2]
_VERSION: Final = ROOT / "packages/core/src/tetragon_core/__init__.py"
_LICENCE: Final = ROOT / "LICENSE"
_BPF_TEXTS: Final = (ROOT / "bpf/LICENSE", Path("/usr/share/common-licenses/GPL-2"))
_OBJECTS: Final = "tetragon_sensors/_objects/"
_FOLDERS: Final = {
    "tetragon": "core",
    "tetragon_cli": "cli",
    "tetragon_core": "core",
    "tetragon_crio_hook": "crio-hook",
    "tetragon_k8s": "k8s",
    "tetragon_sensors": "sensors",
    "tetragon_server": "server",
}
"""Our packages' directory by the name that they are imported with."""
_PYTHON_FILES: Final = re.compile(
    r"base_library\.zip|libpython3[^/]*|(python[^/]*/)?lib-dynload/.*"
)
_LINKED_LIBRARIES: Final = ("libc6-dev", "libzstd-dev")
"""Debian packages with the static libraries that tools/launcher is linked with."""


@cache
def own_version() -> str:
    """The one version of all our packages."""
    (version,) = re.findall(r'(?m)^__version__ = "(.*)"$', _VERSION.read_text())
    return str(version)


def product() -> Component:
    """The executable as a whole, with the launcher that it starts with."""
    return _own("tetragon-mini", "Apache-2.0", (_LICENCE,))


def claim_own(item: Item) -> Component | None:
    """Our packages and BPF objects."""
    if item.name.startswith(_OBJECTS):
        return _own("tetragon-mini-bpf", "GPL-2.0-only OR BSD-2-Clause", _BPF_TEXTS)
    package = _FOLDERS.get(item.name.replace("/", ".").partition(".")[0])
    return _own(f"tetragon-mini-{package}", "Apache-2.0", (_LICENCE,)) if package else None


def claim_python(item: Item) -> Component | None:
    """Python's library, its modules and their compiled parts."""
    if item.path is None:
        top = item.name.partition(".")[0]
        ours = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
    else:
        ours = _PYTHON_FILES.fullmatch(item.name) is not None
    return _python() if ours else None


def claim_starter(item: Item) -> Component | None:
    """The program that starts Python."""
    return _pyinstaller() if item.name == PROGRAM and item.path is not None else None


def launcher_parts() -> list[Component]:
    """What is linked into the launcher, which is not in the tree but before it in the file."""
    return [installed(package) for package in _LINKED_LIBRARIES]


@cache
def _own(name: str, licence: str, texts: tuple[Path, ...]) -> Component:
    version = own_version()
    return Component(
        name=name,
        version=version,
        purl=f"pkg:generic/{name}@{version}",
        licence=licence,
        texts=texts,
    )


@cache
def _python() -> Component:
    version = platform.python_version()
    short = ".".join(version.split(".")[:2])
    texts = (
        Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),
        Path(f"/usr/share/doc/python{short}/copyright"),
    )
    return Component(
        name="cpython",
        version=version,
        purl=f"pkg:generic/cpython@{version}",
        licence="PSF-2.0",
        texts=texts,
        cpe=f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        note="the interpreter and the parts of its standard library that are used",
    )


@cache
def _pyinstaller() -> Component:
    one = distribution("pyinstaller")
    return Component(
        name="pyinstaller",
        version=one.version,
        purl=f"pkg:pypi/pyinstaller@{one.version}",
        licence="GPL-2.0-or-later WITH Bootloader-exception",
        texts=tuple(
            Path(str(one.locate_file(path)))
            for path in one.files or ()
            if path.name == "COPYING.txt"
        ),
        note="the program that starts Python, with zlib in it; nothing else of it is used",
    )
