# SPDX-License-Identifier: Apache-2.0
"""Which events are exported, and which of their fields: the filters of the settings, compiled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tetragon import events_pb2 as pb
from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..bus import View
    from ..config import AgentConfig
    from ..encode import EncodedEvent

    Parsed = TypeVar("Parsed")

__all__ = ["Selection"]


class Selection:
    """Allow list, deny list and field filters of an exporter; they can be exchanged at once."""

    def __init__(self, config: AgentConfig) -> None:
        """Raises UsageError for filters that cannot be used."""
        self.view: View = _view(config)
        """What is exported of an event: its bytes, or None for nothing."""

    def reload(self, config: AgentConfig) -> None:
        """Take over other filters; UsageError leaves those that were."""
        self.view = _view(config)


def _view(config: AgentConfig) -> View:
    if not (config.export_allowlist or config.export_denylist or config.field_filters):
        return _everything
    kinds, view = _compiled(config)

    def chosen(event: EncodedEvent) -> bytes | None:
        if kinds is not None and event.kind not in kinds:
            return None
        return event.payload if view is None else view(event)

    return chosen


def _everything(event: EncodedEvent) -> bytes:
    return event.payload


def _compiled(config: AgentConfig) -> tuple[frozenset[int] | None, View | None]:
    """As for a request to GetEvents, where nobody is asked for `pid_set`."""
    from ..filters import (  # noqa: PLC0415  # behind it are engines that most agents never need
        FilterRules,
        compile_view,
        parse_field_filters,
        parse_filters,
    )

    rules = FilterRules(
        with_process_cred=config.enable_process_cred,
        ancestors=config.ancestor_types,
        allow_pid_set=config.enable_pid_set_filter,
    )

    def filters(text: str) -> list[pb.Filter]:
        return parse_filters(text, allow_pid_set=config.enable_pid_set_filter)

    allowed = _named("export-allowlist", lambda: filters(config.export_allowlist))
    denied = _named("export-denylist", lambda: filters(config.export_denylist))
    fields = _named("field-filters", lambda: parse_field_filters(config.field_filters))
    # The first two are compiled alone before, so that an error names the one that is to blame.
    for option, request in {
        "export-allowlist": pb.GetEventsRequest(allow_list=allowed),
        "export-denylist": pb.GetEventsRequest(deny_list=denied),
    }.items():
        _named(option, partial(compile_view, request, rules))
    request = pb.GetEventsRequest(allow_list=allowed, deny_list=denied, field_filters=fields)
    return _named("field-filters", lambda: compile_view(request, rules))


def _named(option: str, read: Callable[[], Parsed]) -> Parsed:
    """Have an error say which option is wrong."""
    try:
        return read()
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error
