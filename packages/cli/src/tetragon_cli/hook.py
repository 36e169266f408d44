# SPDX-License-Identifier: Apache-2.0
"""The command `hook`: what a container runtime starts runs at once, without click.

install, uninstall, status and the like are commands for people (commands/hook.py).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing takes 6 ms to import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

__all__ = ["MANAGEMENT", "is_management", "run_hook"]

MANAGEMENT: Final = ("install", "uninstall", "status", "print-config")
"""Words that are no names of hooks."""


def is_management(words: list[str]) -> bool:
    """Whether a person calls: a runtime never asks for help."""
    return words[:1] != [] and (words[0] in MANAGEMENT or "--help" in words or "-h" in words)


def run_hook(words: list[str]) -> int:
    """Run the hook; return its exit code. Raises UsageError for a wrong command line."""
    from tetragon_crio_hook.program import run  # noqa: PLC0415  # see the module's docstring

    # In the executable that is its own file; elsewhere Python's would have no hook's settings.
    program = sys.executable if hasattr(sys, "frozen") else sys.argv[0]
    return run(words, os.path.dirname(os.path.realpath(program)), _evaluate)  # noqa: PTH120  # pathlib is slow


def _evaluate(expression: str, annotations: Mapping[str, str]) -> bool:
    """CEL, for failures only: it is large."""
    from tetragon_server.hook_expression import evaluate  # noqa: PLC0415  # as said

    return evaluate(expression, annotations)
