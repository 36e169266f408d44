# SPDX-License-Identifier: Apache-2.0
"""Standard input, output and error of a program whose caller may have closed them."""

from __future__ import annotations

import os
import sys

__all__ = ["open_missing_streams"]


def open_missing_streams() -> None:
    """/dev/null takes the place of those that are closed.

    Otherwise the next socket or file would get such a number, and be taken for the stream.
    """
    try:
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(descriptor, True)  # noqa: FBT003  # the function's own form
    except OSError:  # a root directory without devices: nothing can take their place
        return
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # stays open; pathlib is slow
