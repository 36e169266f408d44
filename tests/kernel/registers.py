# SPDX-License-Identifier: Apache-2.0
"""Names of registers that tests ask for, on the architecture they run on."""

from __future__ import annotations

import platform
from typing import Final

__all__ = ["FIRST_ARGUMENT", "STACK_POINTER"]

_IS_X86: Final = platform.machine() == "x86_64"

FIRST_ARGUMENT: Final = "rdi" if _IS_X86 else "x0"
STACK_POINTER: Final = "rsp" if _IS_X86 else "sp"
