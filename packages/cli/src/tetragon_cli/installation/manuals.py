# SPDX-License-Identifier: Apache-2.0
"""The man pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .wanted import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["manuals"]


def manuals(choices: Choices) -> Iterator[Wanted]:
    """One for each command, and one of the settings."""
    from ..manual.pages import man_pages  # noqa: PLC0415  # imports every command

    folder = choices.layout.shared("man")
    for page in man_pages():
        path = folder / f"man{page.section}" / page.file_name
        yield File(path=path, content=page.text.encode())
