# SPDX-License-Identifier: Apache-2.0
"""The export file as the agent's settings and clients see it: sink, feed and timer as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core.errors import UsageError

from .feed import Feed
from .file_sink import FileSink
from .retention import Retention
from .rotation_timer import RotationTimer

if TYPE_CHECKING:
    from ..config import AgentConfig

__all__ = ["ExportFile"]


class ExportFile:
    """Its limits can be changed while it is written."""

    def __init__(self, config: AgentConfig) -> None:
        """Makes and opens no file yet; UsageError when it is a directory."""
        if Path(config.export_filename).is_dir():
            raise UsageError(
                f"export-filename {config.export_filename} is a directory; name a file in it"
            )
        self._config = config
        self._sink = FileSink(
            Path(config.export_filename),
            max_mib=config.export_file_max_size_mb,
            mode=config.export_file_mode,
            retention=Retention(
                max_backups=config.export_file_max_backups, compress=config.export_file_compress
            ),
        )
        self.feed = Feed(
            self._sink, max_events=config.event_queue_size, max_bytes=config.event_queue_bytes
        )
        self._timer = RotationTimer(lambda: self.feed.call(self._sink.rotate))

    def start(self) -> None:
        """Let time pass for the rotation; the feed is started by its exporter."""
        self._timer.set(self._config.export_file_rotation_interval)

    def stop(self) -> None:
        """Rotate no more by time."""
        self._timer.stop()

    @property
    def max_mib(self) -> int:
        """The limit as it was set."""
        return self._sink.max_mib

    @property
    def interval_s(self) -> float:
        """0: not rotated by time."""
        return self._timer.interval_s

    @property
    def max_backups(self) -> int:
        """0: all are kept."""
        return self._sink.retention.max_backups

    def set(
        self,
        *,
        max_mib: int | None = None,
        interval_s: float | None = None,
        max_backups: int | None = None,
    ) -> None:
        """Change what is given, all of it or nothing; raises UsageError.

        An interval starts the timer anew; 0 switches it off, where Tetragon would rotate without
        end.
        """
        for name, value in {
            "max_size": max_mib,
            "rotation_interval": interval_s,
            "max_backups": max_backups,
        }.items():
            if value is not None and value < 0:
                raise UsageError(f"{name} is {value}; it cannot be negative")
        if max_mib is not None:
            self._sink.max_mib = max_mib
        if max_backups is not None:
            self._sink.retention.max_backups = max_backups
        if interval_s is not None:
            self._timer.set(interval_s)

    def reload(self, config: AgentConfig) -> None:
        """Take over what differs from the settings before; the rest stays as clients set it."""
        before, self._config = self._config, config
        if config.export_file_max_size_mb != before.export_file_max_size_mb:
            self.set(max_mib=config.export_file_max_size_mb)
        if config.export_file_max_backups != before.export_file_max_backups:
            self.set(max_backups=config.export_file_max_backups)
        if config.export_file_rotation_interval != before.export_file_rotation_interval:
            self.set(interval_s=config.export_file_rotation_interval)
        if config.export_file_perm != before.export_file_perm:
            self._sink.mode = config.export_file_mode
        self._sink.retention.compress = config.export_file_compress
