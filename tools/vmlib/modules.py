# SPDX-License-Identifier: Apache-2.0
"""Kernel modules in the order in which they have to be loaded, uncompressed."""

from __future__ import annotations

import gzip
import lzma
from typing import TYPE_CHECKING

from .vmlinux import unpack_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["load_order", "read_module"]


def load_order(modules: Path, names: Iterable[str]) -> list[Path]:
    """Files of the named modules and of all they need, each after its dependencies.

    A name without a file is built into the kernel.
    """
    dependencies = read_dependencies(modules)
    by_name = {module_name(path): path for path in dependencies}
    order: dict[str, None] = {}
    for name in names:
        if name in by_name:
            order.update(dict.fromkeys(closure(by_name[name], dependencies)))
    return [modules / path for path in order]


def closure(path: str, dependencies: dict[str, list[str]]) -> Iterator[str]:
    """What `path` needs, deepest first, then `path` itself."""
    # depmod lists the whole closure, each module before those that it depends on.
    yield from reversed(dependencies[path])
    yield path


def read_dependencies(modules: Path) -> dict[str, list[str]]:
    """The content of modules.dep: module file → files it needs."""
    lines = (modules / "modules.dep").read_text().splitlines()
    return {path: needed.split() for path, _, needed in (line.partition(":") for line in lines)}


def module_name(path: str) -> str:
    """`kernel/fs/9p/9p.ko.xz` → `9p`; the kernel takes - and _ for the same."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def read_module(path: Path) -> bytes:
    """The module's ELF; the machine has no decompressor yet when it loads them."""
    data = path.read_bytes()
    match path.suffix:
        case ".xz":
            return lzma.decompress(data)
        case ".gz":
            return gzip.decompress(data)
        case ".zst":
            return unpack_program(["zstd", "-dc"], data)
        case _:
            return data
