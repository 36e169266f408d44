# SPDX-License-Identifier: Apache-2.0
"""The systemd service: its unit, and the link that starts it at boot."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .layout import PROGRAM, SERVICE
from .wanted import File, Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["AT_BOOT", "service", "unit_text"]

AT_BOOT: Final = Path("/etc/systemd/system/multi-user.target.wants", SERVICE)
"""The same link that `systemctl enable` makes."""


def service(choices: Choices) -> Iterator[Wanted]:
    """The unit, which a package's own place keeps apart from an administrator's, and the link."""
    if not choices.has_service:
        return
    layout = choices.layout
    unit = layout.units / SERVICE
    yield File(path=unit, content=unit_text(layout.prefix).encode())
    if choices.is_enabled:
        yield Link(path=AT_BOOT, target=str(unit), is_switch=True)


def unit_text(prefix: Path) -> str:
    """The unit for a program below `prefix`."""
    template = (files(__package__) / SERVICE).read_text(encoding="utf-8")
    return template.replace("@program@", str(prefix / "bin" / PROGRAM))
