# SPDX-License-Identifier: Apache-2.0
"""The places beside the export file that events go to; one row for each.

A place that cannot be reached is no reason not to start: its events wait in its queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .feed import Feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config import AgentConfig
    from .sink import Sink

    OpenSink = Callable[[AgentConfig, str], Sink | None]
    """From the settings and the node's name; None when the settings do not name such a place."""

__all__ = ["open_feeds"]


def open_feeds(config: AgentConfig, node_name: str) -> list[Feed]:
    """A queue and a thread for each place; UsageError for one that is not written as it has to."""
    return [
        Feed(
            sink,
            max_events=config.event_queue_size,
            max_bytes=config.event_queue_bytes,
            gather_s=gather_s,
        )
        for open_sink, gather_s in _SINKS
        if (sink := open_sink(config, node_name)) is not None
    ]


def _otlp(config: AgentConfig, node_name: str) -> Sink | None:
    if not config.export_otlp_endpoint:
        return None
    from .otlp_sink import OtlpSink  # noqa: PLC0415  # each only if it is wanted

    return OtlpSink(
        config.export_otlp_endpoint, node_name=node_name, cluster_name=config.cluster_name
    )


def _syslog(config: AgentConfig, node_name: str) -> Sink | None:
    if not config.export_syslog:
        return None
    from .syslog_sink import SyslogSink  # noqa: PLC0415  # each only if it is wanted

    return SyslogSink(config.export_syslog, node_name=node_name)


def _journal(config: AgentConfig, _: str) -> Sink | None:
    if not config.export_journald:
        return None
    from .journal_sink import JournalSink  # noqa: PLC0415  # each only if it is wanted

    return JournalSink()


_SINKS: Final[tuple[tuple[OpenSink, float], ...]] = (
    (_otlp, 0.2),
    (_syslog, 0.0),
    (_journal, 0.0),
)
"""With the seconds that events are gathered: a request over HTTP costs more than its events."""
