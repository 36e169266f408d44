# SPDX-License-Identifier: Apache-2.0
"""Options: events written to files and to other systems."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from .kinds import DURATION, number
from .option import option

__all__ = ["ExportOptions"]

_log = logging.getLogger(__name__)

_UNLIMITED: Final = -1
_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ExportOptions:
    """The export file, and which events go into it."""

    export_filename: str = option("", "File that events are written to as JSON; empty: none.")
    export_file_max_size_mb: int = option(
        10, "MiB at which the export file is rotated; 0: 100.", number(minimum=0), reloads=True
    )
    export_file_rotation_interval: float = option(
        0.0,
        "Time after which the export file is rotated as well; 0: never.",
        DURATION,
        reloads=True,
    )
    export_file_max_backups: int = option(
        5, "Rotated export files that are kept; 0: all.", number(minimum=0), reloads=True
    )
    export_file_compress: bool = option(
        default=False, text="Rotated export files are compressed with gzip.", reloads=True
    )
    export_file_perm: str = option(
        "600", "Mode of new export files, in octal digits.", reloads=True
    )
    export_otlp_endpoint: str = option(
        "",
        "OpenTelemetry collector that gets events as log records over HTTP, such as"
        " http://localhost:4318; see the OTEL_EXPORTER_OTLP_* variables for the rest.",
        is_ours=True,
    )
    export_syslog: str = option(
        "",
        "Syslog server that gets events: unix:///dev/log, udp://host:514 or tcp://host:601.",
        is_ours=True,
    )
    export_journald: bool = option(
        default=False, text="Events go to systemd's journal.", is_ours=True
    )
    export_rate_limit: str = option(
        "-1", "Events a minute that are exported; -1: no limit; 0: no export.", reloads=True
    )
    """Text, because Tetragon takes any: what is no number is no limit."""
    export_allowlist: str = option(
        "", "Filters (JSON) of which an exported event matches one; empty: all.", reloads=True
    )
    export_denylist: str = option(
        "", "Filters (JSON) of which an exported event matches none.", reloads=True
    )
    field_filters: str = option(
        "", "Fields (JSON) that exported events have or lack.", reloads=True
    )
    enable_pid_set_filter: bool = option(
        default=False, text="Allow pid_set in export-allowlist and export-denylist.", reloads=True
    )
    enable_export_aggregation: bool = option(
        default=False, text="Accepted for Tetragon's sake: no event type is aggregated."
    )
    export_aggregation_window_size: float = option(
        15.0, "Accepted for Tetragon's sake.", DURATION, hidden=True
    )
    export_aggregation_buffer_size: int = option(
        10_000, "Accepted for Tetragon's sake.", number(), hidden=True
    )

    @property
    def has_export(self) -> bool:
        """Events go to a file or another place."""
        places = (self.export_filename, self.export_otlp_endpoint, self.export_syslog)
        return any(places) or self.export_journald

    @property
    def export_events_per_minute(self) -> int:
        """The rate limit; negative for none. Logs a warning about text that is no number."""
        try:
            return int(self.export_rate_limit)
        except ValueError:
            attrs = {"export-rate-limit": self.export_rate_limit}
            _log.warning("unusable rate limit: events are exported without", extra={"attrs": attrs})
            return _UNLIMITED

    @property
    def export_file_mode(self) -> int:
        """Bits for open(2). Logs a warning about text that is no mode."""
        from ..export.permissions import file_mode  # noqa: PLC0415  # options are read by clients too

        try:
            return file_mode(self.export_file_perm)
        except ValueError as error:
            _log.warning(
                "unusable file mode: 600 is used", extra={"attrs": {"export-file-perm": str(error)}}
            )
            return _OWNER_ONLY

    def check_export(self) -> None:
        """Raise UsageError for places and filters that cannot be used.

        It asks no file system: a reload must not wait for one that hangs.
        """
        if self.export_otlp_endpoint:
            from ..export.otlp_sink import logs_url  # noqa: PLC0415  # as in export_file_mode

            logs_url(self.export_otlp_endpoint)
        if self.export_syslog:
            from ..export.syslog_sink import syslog_place  # noqa: PLC0415  # as above

            syslog_place(self.export_syslog)
        if self.export_allowlist or self.export_denylist or self.field_filters:
            from ..export.selection import Selection  # noqa: PLC0415  # loads the filters' engine
            from . import AgentConfig  # noqa: PLC0415  # it is made of this class

            assert isinstance(self, AgentConfig)
            Selection(self)
