# SPDX-License-Identifier: Apache-2.0
"""Everything that is installed, one row for each kind of thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .completions import completions
from .documents import documents
from .manuals import manuals
from .program import program
from .service import service
from .settings_files import settings_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["KINDS", "wanted"]

KINDS: Final[tuple[Callable[[Choices], Iterator[Wanted]], ...]] = (
    program,
    service,
    settings_files,
    completions,
    manuals,
    documents,
)
"""In the order in which they are put in place."""


def wanted(choices: Choices) -> list[Wanted]:
    """All things; none is at the path of another."""
    return [thing for kind in KINDS for thing in kind(choices)]
