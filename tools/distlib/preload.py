# SPDX-License-Identifier: Apache-2.0
"""The executable's dynamic linker does not load what a host's /etc/ld.so.preload names.

These libraries are made for the host's C library: with the executable's own, which may be older,
a start can fail. There is no option for that (ld.so(8)), so the path in the linker is another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ignore_preload_file"]

_PATH: Final = b"\0/etc/ld.so.preload\0"
_NOWHERE: Final = b"\0/dev/null/preload\0"


def ignore_preload_file(loader: Path) -> None:
    """Change the dynamic linker. Raises SystemExit where the path is not in it exactly once."""
    content = loader.read_bytes()
    if content.count(_PATH) != 1:
        raise SystemExit(f"{loader}: /etc/ld.so.preload is expected once in a dynamic linker")
    loader.write_bytes(content.replace(_PATH, _NOWHERE.ljust(len(_PATH), b"\0")))
