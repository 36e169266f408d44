# SPDX-License-Identifier: Apache-2.0
"""Field filters: which fields of an event's message are sent. The envelope is never touched.

Paths are Tetragon's: names with dots between, in any spelling of the words (`exec_id`, `execId`),
that reach through lists. Its two surprises are kept: a member of a oneof has the oneof's name
before its own (`args.arg.int_arg`), and the longest path counts (`process,process.pid` is the pid).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tetragon import events_pb2 as events_pb

from .errors import FilterError, quoted
from .subject import ALL_KINDS
from .work import ANY_FILTER, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    Change = Callable[[int, events_pb.GetEventsResponse], events_pb.GetEventsResponse]

__all__ = ["compile_field_filters"]


class _Paths(dict[str, "_Paths"]):
    """Names to the paths below them; none below: the whole field."""


class _Step(NamedTuple):
    """One field filter."""

    kinds: frozenset[int]
    is_exclusion: bool
    paths: _Paths


def compile_field_filters(
    filters: Sequence[events_pb.FieldFilter], work: Work | None = None
) -> Change | None:
    """From an event and its kind to what is left of it; None when nothing is taken away.

    The result is the same message where nothing applies, else a new one. Raises FilterError.
    """
    work = work or Work(ANY_FILTER)
    work.check_filters(filters)
    steps = [step for one in filters if (step := _compile(one, work)).paths]
    by_kind = {kind: [step for step in steps if kind in step.kinds] for kind in ALL_KINDS}
    if not steps:
        return None

    def change(kind: int, response: events_pb.GetEventsResponse) -> events_pb.GetEventsResponse:
        chosen = by_kind.get(kind)
        name = response.WhichOneof("event")
        if not chosen or name is None:
            return response
        changed = events_pb.GetEventsResponse()
        changed.CopyFrom(response)
        _apply(chosen, getattr(changed, name))
        return changed

    return change


def _apply(steps: Sequence[_Step], event: Message) -> None:
    for step in steps:
        if step.is_exclusion:
            _exclude(event, step.paths)
        else:
            _include(event, step.paths)
            event.DiscardUnknownFields()


def _compile(one: events_pb.FieldFilter, work: Work) -> _Step:
    if one.action not in events_pb.FieldFilterAction.values():
        raise FilterError(f"field_filters: action {one.action} is neither INCLUDE nor EXCLUDE")
    kinds = ALL_KINDS.intersection(one.event_set)
    if not one.event_set:
        kinds = ALL_KINDS
    elif one.invert_event_set.value:
        kinds = ALL_KINDS - kinds
    return _Step(kinds, one.action == events_pb.EXCLUDE, _tree(one.fields.paths, work))


def _tree(paths: Sequence[str], work: Work) -> _Paths:
    root = _Paths()
    work.add_values("field_filters", len(paths))
    for path in paths:
        work.add_expression("field_filters", path)
        at = root
        for name in path.split("."):
            if not name:
                raise FilterError(
                    f"field_filters: {quoted(path)} has an empty name; write names with dots"
                    " between, as in process.binary"
                )
            at = at.setdefault(_spelling(name), _Paths())
    return root


def _spelling(name: str) -> str:
    """One for all ways to write a name."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _include(message: Any, paths: _Paths) -> None:  # noqa: ANN401  # any message, its fields by name
    """Leave only what the paths name; a message that is reached stays, even with nothing in it."""
    for field, value in message.ListFields():
        below, is_named = _find(field, paths)
        if not is_named:
            message.ClearField(field.name)
        elif below:
            _descend(_include, field, value, below)


def _exclude(message: Any, paths: _Paths) -> None:  # noqa: ANN401  # as above
    """Take away what the paths name."""
    for field, value in message.ListFields():
        below, is_named = _find(field, paths)
        if is_named and not below:
            message.ClearField(field.name)
        elif is_named:
            _descend(_exclude, field, value, below)


def _find(field: FieldDescriptor, paths: _Paths) -> tuple[_Paths, bool]:
    """The paths below a field, and whether it is named at all."""
    group = field.containing_oneof
    if group is not None:
        at = paths.get(_spelling(group.name))
        if at is None or not at:
            return _Paths(), at is not None
        paths = at
    at = paths.get(_spelling(field.name))
    return (_Paths(), False) if at is None else (at, True)


def _descend(
    change: Callable[[Any, _Paths], None],
    field: FieldDescriptor,
    value: Any,  # noqa: ANN401  # of any field
    below: _Paths,
) -> None:
    """Into a message or each of a list; maps and plain values stay whole, as with Tetragon."""
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return
    for one in value if field.is_repeated else (value,):
        change(one, below)
