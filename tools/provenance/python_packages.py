# SPDX-License-Identifier: Apache-2.0
"""The Python packages of packages/requirements.lock, as they are installed beside this Python.

No others may be in the executable: one that only development has comes in when a package imports
it where it is there, and changes what the executable does.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .component import Component, ProvenanceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import Distribution

    from .tree import Item

__all__ = ["PythonPackages", "locked"]

_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_TEXT_NAMES: Final = re.compile(r"(?i)(licen[cs]e|copying|notice)[^/]*$")
_LICENCES: Final = {
    "google-re2": "BSD-3-Clause",
    "hyperframe": "MIT",
    "markdown-it-py": "MIT",
    "mdurl": "MIT",
    "protobuf": "BSD-3-Clause",
}
"""Of packages whose metadata has it in words only."""
_LINKED: Final = {
    "google-re2": "Abseil, RE2",
    "grpcio": "Abseil, BoringSSL, c-ares, RE2, upb, utf8_range, xxHash, zlib",
    "protobuf": "upb, utf8_range",
    "pyyaml": "LibYAML",
}
"""What the publishers link into their extension modules, in versions that they do not tell."""


def locked(lock: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Version and hashes of each package, by normalised name, from the text of a lock file."""
    found = {}
    pins = [*_PINNED.finditer(lock)]
    ends = [pin.start() for pin in pins[1:]] + [len(lock)]
    for pin, end in zip(pins, ends, strict=True):
        hashes = tuple(_HASH.findall(lock, pin.end(), end))
        found[str(canonicalize_name(pin[1]))] = (pin[2], hashes)
    return found


class PythonPackages:
    """Knows which package installed a file or a module."""

    def __init__(self, lock: Path) -> None:
        self._owners: dict[str, Component] = {}
        for name, (version, hashes) in sorted(locked(lock.read_text()).items()):
            try:
                one = distribution(name)
            except PackageNotFoundError:
                continue  # of another system; the build could not have used it
            if one.version != version:
                raise ProvenanceError(
                    f"{name}: {one.version} is installed, the lock has {version}; run: make setup"
                )
            self._owners |= _owned(one, _component(name, one, hashes))

    def claim(self, item: Item) -> Component | None:
        """The package that brought a file or a module, if it is one of these."""
        if item.path is None:
            path = item.name.replace(".", "/")
            return self._owners.get(f"{path}.py") or self._owners.get(f"{path}/__init__.py")
        return self._owners.get(item.name)


def _owned(one: Distribution, component: Component) -> Mapping[str, Component]:
    return {str(path): component for path in one.files or ()}


def _component(name: str, one: Distribution, hashes: tuple[str, ...]) -> Component:
    texts = tuple(
        Path(str(one.locate_file(path)))
        for path in sorted(one.files or ())
        if ".dist-info/" in str(path) and _TEXT_NAMES.search(str(path))
    )
    linked = _LINKED.get(name)
    return Component(
        name=name,
        version=one.version,
        purl=f"pkg:pypi/{name}@{one.version}",
        licence=_LICENCES.get(name) or _declared(one),
        texts=texts,
        hashes=hashes,
        note=f"holds, linked into it by its publisher: {linked}" if linked else "",
        needs=tuple(
            sorted({str(canonicalize_name(Requirement(text).name)) for text in one.requires or ()})
        ),
    )


def _declared(one: Distribution) -> str:
    """The licence as the metadata has it; older ones have words, some of which are expressions."""
    fields = [name for name in ("License-Expression", "License") if name in one.metadata]
    return one.metadata[fields[0]] if fields else ""
