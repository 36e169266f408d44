# SPDX-License-Identifier: Apache-2.0
"""Completion of commands and options, where shells look for it by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..completion_scripts import completion_script
from .layout import PROGRAM
from .wanted import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["completions"]

_PLACES: Final = {
    "bash": Path("bash-completion/completions", PROGRAM),
    "zsh": Path("zsh/site-functions", f"_{PROGRAM}"),
    "fish": Path("fish/vendor_completions.d", f"{PROGRAM}.fish"),
}
"""Below share."""


def completions(choices: Choices) -> Iterator[Wanted]:
    """For every shell: one may be installed later."""
    for shell, place in _PLACES.items():
        path = choices.layout.shared(str(place))
        yield File(path=path, content=f"{completion_script(shell)}\n".encode())
