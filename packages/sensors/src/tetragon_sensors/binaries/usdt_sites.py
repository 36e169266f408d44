# SPDX-License-Identifier: Apache-2.0
"""Where in a file its USDT probes are: offsets to attach to, as the kernel wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tetragon_sensors.bcc.usdt import read_usdt_notes

if TYPE_CHECKING:
    from .binary import Binary

__all__ = ["UsdtSite", "read_usdt_sites"]

_BASE_SECTION = ".stapsdt.base"


class UsdtSite(NamedTuple):
    """One instruction at which a probe is hit."""

    provider: str
    name: str
    offset: int
    """Of the instruction, in the file."""
    address: int
    """Of the instruction, as the file is linked."""
    ref_ctr_offset: int
    """Of the semaphore, in the file; 0: it has none."""
    arguments: str
    """As the note has them."""


def read_usdt_sites(binary: Binary) -> list[UsdtSite]:
    """All sites of a file, in the order of their notes, each once.

    Left out are those whose code or semaphore is not in the file, as when the linker dropped it.
    Raises TetragonError when bcc's library is not installed.
    """
    image, sites = binary.image, []
    section = image.section(_BASE_SECTION)
    for note in read_usdt_notes(binary.link):
        # prelink moves everything by the same distance, and the notes tell from where
        moved = section.address - note.base if section and note.base else 0
        offset = image.offset_of(note.address + moved)
        counter = image.offset_of(note.semaphore + moved) if note.semaphore else 0
        if offset is None or counter is None or not image.is_code(offset):
            continue
        sites.append(
            UsdtSite(
                provider=note.provider,
                name=note.name,
                offset=offset,
                address=note.address + moved,
                ref_ctr_offset=counter,
                arguments=note.arguments,
            )
        )
    return list(dict.fromkeys(sites))
