# SPDX-License-Identifier: Apache-2.0
"""CEL, the Common Expression Language, for event filters: typed strictly, over protobuf messages.

It is what upstream's filter `cel_expression` offers: the standard functions and macros, Kubernetes'
libraries for IP addresses and networks, one variable per event, the container `tetragon`. It has no
optional values, no extensions, and makes no google.protobuf.Any or Struct.
Importing this costs little: the language is loaded when the first expression is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import CelError, CelRuntimeError

if TYPE_CHECKING:
    from .expression import Expression

__all__ = ["CelError", "CelRuntimeError", "compile_expression"]


def compile_expression(text: str) -> Expression:
    """Read and type-check an expression; CelError, with line and column, if it is not a bool."""
    from .expression import compile_with  # noqa: PLC0415 - some 20 modules, for agents that filter

    return compile_with(text)
