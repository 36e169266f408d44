# SPDX-License-Identifier: Apache-2.0
"""Options: the agent's own log, and where it finds the host."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import choice
from .option import option

__all__ = ["LogOptions"]


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """The log on standard error, and the host's /proc."""

    procfs: str = option("/proc", "The host's proc file system.")
    log_level: str = option(
        "info", "trace, debug, info, warn, error, fatal or panic.", reloads=True
    )
    log_format: str = option(
        "text", "Form of log lines.", choice("text", "text-ts", "json", "json-ts")
    )
