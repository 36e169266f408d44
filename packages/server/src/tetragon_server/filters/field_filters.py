# SPDX-License-Identifier: Apache-2.0
"""Field filters: which fields of an event's message are sent. The envelope is never touched.

Several work in order, each on what the one before has left. Paths are in `field_paths.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tetragon import events_pb2 as events_pb

from .errors import FilterError
from .field_changes import exclusion, inclusion
from .field_paths import read_paths
from .subject import ALL_KINDS
from .work import ANY_FILTER, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .field_paths import Paths

    Response = events_pb.GetEventsResponse
    Change = Callable[[int, Response], Response]
    # The response, and the name of its event.
    Step = Callable[[Response, str], Response]

__all__ = ["compile_field_filters"]

_EVENTS: Final[dict[int, Any]] = {  # Any: the library's descriptors, in Python or C
    field.number: field.message_type
    for field in events_pb.GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields
}
"""Kind to the type of its message."""


def compile_field_filters(
    filters: Sequence[events_pb.FieldFilter], work: Work | None = None
) -> Change | None:
    """From the kind of an event and the event to what is left of it; None: nothing is taken away.

    The result is the same message where nothing applies, else a new one; never is the given one
    changed. `work` counts what the same request has asked for elsewhere. Raises FilterError.
    """
    work = work or Work(ANY_FILTER)
    work.check_field_filters(filters)
    steps: dict[int, list[Step]] = {}
    for one in filters:
        for kind, step in _steps(one, work).items():
            steps.setdefault(kind, []).append(step)
    if not steps:
        return None

    def change(kind: int, response: Response) -> Response:
        name = response.WhichOneof("event")
        if name is not None:
            for step in steps.get(kind, ()):
                response = step(response, name)
        return response

    return change


def _steps(one: events_pb.FieldFilter, work: Work) -> dict[int, Step]:
    """What one filter does to each kind of event; kinds it leaves alone are not there."""
    if one.action not in events_pb.FieldFilterAction.values():
        raise FilterError(f"field_filters: action {one.action} is neither INCLUDE nor EXCLUDE")
    paths = read_paths(one.fields.paths, work)
    if not paths:
        return {}
    build = _including if one.action == events_pb.INCLUDE else _excluding
    steps = ((kind, build(_EVENTS[kind], paths)) for kind in _kinds(one) & _EVENTS.keys())
    return {kind: step for kind, step in steps if step is not None}


def _kinds(one: events_pb.FieldFilter) -> frozenset[int]:
    if not one.event_set:
        return ALL_KINDS
    named = ALL_KINDS.intersection(one.event_set)
    return ALL_KINDS - named if one.invert_event_set.value else named


def _including(message: Any, paths: Paths) -> Step:  # noqa: ANN401  # see _EVENTS
    copy = inclusion(message, paths)

    def step(response: Response, name: str) -> Response:
        changed = events_pb.GetEventsResponse()
        changed.CopyFrom(response)
        changed.ClearField(name)
        target = getattr(changed, name)
        target.SetInParent()
        copy(getattr(response, name), target)
        return changed

    return step


def _excluding(message: Any, paths: Paths) -> Step | None:  # noqa: ANN401  # see _EVENTS
    remove = exclusion(message, paths)
    if remove is None:
        return None

    def step(response: Response, name: str) -> Response:
        changed = events_pb.GetEventsResponse()
        changed.CopyFrom(response)
        remove(getattr(changed, name))
        return changed

    return step
