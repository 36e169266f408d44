# SPDX-License-Identifier: Apache-2.0
"""What one subscriber gets of each event: a GetEvents request as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compiling import compile_filters
from .field_filters import compile_field_filters
from .subject import Subject
from .work import ANY_FILTER, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon import events_pb2 as events_pb

    from ..bus import View
    from ..encode import EncodedEvent
    from ..filter_rules import FilterRules

    Select = Callable[[events_pb.GetEventsResponse], events_pb.GetEventsResponse | None]

__all__ = ["compile_selection", "compile_view"]


def compile_view(
    request: events_pb.GetEventsRequest, rules: FilterRules
) -> tuple[frozenset[int] | None, View | None]:
    """The arguments of `Bus.subscribe`. Raises FilterError.

    `aggregation_options` are taken and have no effect: no kind of event is aggregated, in Tetragon
    neither.
    """
    work = Work(rules)
    kinds, matches = compile_filters(request.allow_list, request.deny_list, rules, work)
    change = compile_field_filters(request.field_filters, work)
    if matches is None and change is None:
        return kinds, None

    def view(event: EncodedEvent) -> bytes | None:
        response = event.message
        if matches is not None and not matches(response):
            return None
        if change is None:
            return event.payload
        changed = change(event.kind, response)
        return event.payload if changed is response else changed.SerializeToString()

    return kinds, view


def compile_selection(request: events_pb.GetEventsRequest) -> Select:
    """The same for events that come as messages, from anywhere. Raises FilterError."""
    work = Work(ANY_FILTER)
    kinds, matches = compile_filters(request.allow_list, request.deny_list, ANY_FILTER, work)
    change = compile_field_filters(request.field_filters, work)

    def select(response: events_pb.GetEventsResponse) -> events_pb.GetEventsResponse | None:
        kind = Subject(response).kind
        if kinds is not None and kind not in kinds:
            return None
        if matches is not None and not matches(response):
            return None
        return response if change is None else change(kind, response)

    return select
