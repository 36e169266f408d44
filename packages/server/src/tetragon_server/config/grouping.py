# SPDX-License-Identifier: Apache-2.0
"""The options by group, each with a title, for those who write about them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import OPTIONS, AgentConfig
from .option import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .option import Option

__all__ = ["option_groups"]


def option_groups() -> Iterator[tuple[str, list[Option]]]:
    """Title and options of each group class, in the order of the help text."""
    by_name = {option.name: option for option in OPTIONS}
    for group in reversed(AgentConfig.__bases__):
        options = [by_name[option.name] for option in options_of(group)]
        if options:
            module = sys.modules[group.__module__].__doc__ or ""
            title = module.splitlines()[0].removeprefix("Options: ").rstrip(".")
            yield title[0].upper() + title[1:], options
