# SPDX-License-Identifier: Apache-2.0
"""C libraries that we call: where they are, and their functions' signatures declared."""

from __future__ import annotations

import ctypes as c
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Signatures", "open_library"]

Signatures: TypeAlias = "Mapping[str, tuple[Any, tuple[Any, ...]]]"
"""Function -> type of its result, types of its arguments."""


def open_library(file: str, packages: str, signatures: Signatures) -> Any:  # noqa: ANN401  (a ctypes library has no useful static type)
    """Open the copy that travels with this package, else the system's own.

    `packages` are those of distributions that have it. Raises TetragonError when there is none.
    """
    bundled = Path(__file__).parent / "_lib" / file
    for name in (str(bundled), file):
        try:
            lib = c.CDLL(name, use_errno=True)
        except OSError:
            continue
        for function, (result, arguments) in signatures.items():
            entry = getattr(lib, function)
            entry.restype = result
            entry.argtypes = arguments
        return lib
    raise TetragonError(f"{file} was not found: install the package {packages}")
