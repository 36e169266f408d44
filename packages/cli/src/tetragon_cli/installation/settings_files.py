# SPDX-License-Identifier: Apache-2.0
"""The agent's settings: a file with every option, folders for more settings and for policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .layout import CONFIG
from .wanted import File, Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["settings_files"]


def settings_files(choices: Choices) -> Iterator[Wanted]:  # noqa: ARG001  # every kind is called alike
    """They are in the same place whatever the prefix, as Tetragon's are."""
    from tetragon_server.settings.starting_file import starting_file  # noqa: PLC0415  # 30 ms

    yield File(path=CONFIG / "tetragon.yaml", content=starting_file().encode(), is_settings=True)
    yield Folder(path=CONFIG / "tetragon.conf.d")
    yield Folder(path=CONFIG / "tetragon.tp.d")
