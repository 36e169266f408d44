# SPDX-License-Identifier: Apache-2.0
"""The shared libraries of this system that were copied into the tree, by the package they are from.

A copy has lost its symbols and may have another name, but it keeps its build id: only with that
of the file here it is taken for the same.
"""

from __future__ import annotations

import platform
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .component import Component, ProvenanceError

if TYPE_CHECKING:
    from .tree import Item

__all__ = ["DebianPackages", "installed"]

_LICENCES: Final = {
    "libbpf1": "LGPL-2.1-only OR BSD-2-Clause",
    "libbpfcc": "Apache-2.0",
    "libbz2-1.0": "bzip2-1.0.6",
    "libc6": "LGPL-2.1-or-later",
    "libc6-dev": "LGPL-2.1-or-later",
    "libcrypt1": "LGPL-2.1-or-later",
    "libelf1": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libexpat1": "MIT",
    "libffi8": "MIT",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "liblzma5": "0BSD",
    "libssl3": "Apache-2.0",
    "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libuuid1": "BSD-3-Clause",
    "libzstd-dev": "BSD-3-Clause OR GPL-2.0-only",
    "libzstd1": "BSD-3-Clause OR GPL-2.0-only",
    "zlib1g": "Zlib",
}
"""Of the libraries, not of the programs built from the same sources; Debian has it in words."""
_PYTHON: Final = re.compile(r"(lib)?python3\.\d+(-minimal|-stdlib)?")
_TRANSITION: Final = re.compile(r"t64$")
"""Ends the names of libraries that were rebuilt for longer times."""
_LOADERS: Final = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
_NAMED_TEXTS: Final = re.compile(r"/usr/share/common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9]")
_DOCS: Final = Path("/usr/share/doc")


class DebianPackages:
    """Knows which package a shared library is from."""

    def claim(self, item: Item) -> Component | None:
        """The package of a library that this system has under the same name."""
        if item.path is None or ".so" not in item.name:
            return None
        name = Path(item.name).name
        origin = _libraries().get(
            _LOADERS.get(platform.machine(), name) if name == "ld.so" else name
        )
        if origin is None or _build_id(origin) != _build_id(item.path):
            return None
        package = _owner(origin)
        return None if package is None else installed(package)


@cache
def installed(package: str) -> Component:
    """What dpkg tells of an installed package."""
    fields = _output(
        *("dpkg-query", "-W", "-f", "${Version}\t${Architecture}\t${source:Package}\n", package)
    ).splitlines()
    if not fields:
        raise ProvenanceError(f"{package}: is no installed package")
    version, architecture, source = fields[0].split("\t")
    system = platform.freedesktop_os_release()
    name = package.partition(":")[0]
    library = _TRANSITION.sub("", name)
    purl = (
        f"pkg:deb/{system['ID']}/{name.replace('+', '%2B')}@{_quoted(version)}?arch={architecture}"
        f"&distro={system.get('VERSION_CODENAME', 'sid')}"
    )
    python = "PSF-2.0" if _PYTHON.fullmatch(library) else ""
    return Component(
        name=name,
        version=version,
        purl=purl,
        licence=python or _LICENCES.get(library, ""),
        texts=_texts(name),
        note=f"built from the source package {source}",
    )


def _quoted(version: str) -> str:
    """A version as package URLs have it."""
    return version.replace("+", "%2B").replace(":", "%3A")


def _texts(package: str) -> tuple[Path, ...]:
    text = _DOCS / package / "copyright"
    if not text.is_file():
        raise ProvenanceError(
            f"{package}: {text} is missing; this system was set up without documents (dpkg's "
            f"path-exclude): apt-get install --reinstall {package}"
        )
    named = sorted(set(_NAMED_TEXTS.findall(text.read_text(errors="replace"))))
    return (text, *(Path(name).resolve() for name in named if Path(name).is_file()))


@cache
def _libraries() -> dict[str, Path]:
    """Where the dynamic linker finds each name; the first one is the one that it takes."""
    found: dict[str, Path] = {}
    for line in _output("/sbin/ldconfig", "-p").splitlines():
        name, arrow, path = line.strip().partition(" => ")
        if arrow and "64" in name:
            found.setdefault(name.partition(" ")[0], Path(path))
    return found


def _owner(library: Path) -> str | None:
    """The package of a file; in a system where /lib is /usr/lib, dpkg may know it as either."""
    names = {str(library), str(library.resolve())}
    for name in sorted({one.removeprefix("/usr") for one in names} | names):
        for form in (name, f"/usr{name}"):
            lines = _output("dpkg-query", "-S", form).splitlines()
            if lines and not lines[0].startswith("diversion"):
                return lines[0].partition(": ")[0].partition(",")[0]
    return None


def _build_id(path: Path) -> str:
    found = re.search(r"Build ID: ([0-9a-f]+)", _output("readelf", "-n", "-W", str(path)))
    return found[1] if found else ""


def _output(*command: str) -> str:
    """What a program says; nothing when it finds nothing."""
    environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ).stdout
