# SPDX-License-Identifier: Apache-2.0
"""Where the records of one reading of the ring go; libbpf calls it for each. The Python version.

`_batch.pyx` is the same as machine code: a call from C into Python costs five times what the record
itself does. It is taken where it was compiled.
"""

from __future__ import annotations

import ctypes as c

from ._ffi import SAMPLE_CALLBACK

__all__ = ["Batch"]


class Batch:
    """Takes records until there are `limit` of them."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.limit = 0
        self._kept = SAMPLE_CALLBACK(self._on_record)
        self.callback = c.cast(self._kept, c.c_void_p).value or 0
        """Address of a ring_buffer_sample_fn, for as long as this object lives."""
        self.context = 0
        """What that wants as its first argument."""

    def _on_record(self, _context: int, data: int, size: int) -> int:
        self.records.append(c.string_at(data, size))
        # a negative value stops libbpf after the record was consumed
        return -1 if len(self.records) >= self.limit else 0
