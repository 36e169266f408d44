# SPDX-License-Identifier: Apache-2.0
"""Options: the agent's own log, and where it finds the host."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import DIRECTORY
from .option import option

__all__ = ["LogOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LogOptions:
    """The log on standard error, and the host's /proc."""

    procfs: str = option("/proc", "The host's proc file system.", DIRECTORY)
    log_level: str = option(
        "info", "trace, debug, info, warn, error, fatal or panic.", reloads=True
    )
    debug: bool = option(
        default=False, text="The same as --log-level debug.", short="d", reloads=True
    )
    log_format: str = option("text", "Form of log lines: text, text-ts, json or json-ts.")
    """Tetragon takes any other word for text."""
    log_file: str = option("", "File that gets the log too, after standard error.")

    @property
    def level(self) -> str:
        """The least severe level that is logged."""
        return "debug" if self.debug else self.log_level
