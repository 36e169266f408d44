# SPDX-License-Identifier: Apache-2.0
"""What paths of fields do to a message: keep those fields alone, or take them away.

Each is made for one type of message, so that an event costs only the fields that are named. Maps
and plain values stay whole, whatever is named below them, and unknown names do nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .field_paths import Paths

    # Messages of any type, their fields by name; descriptors are the library's in Python or C.
    Copy = Callable[[Any, Any], None]
    Remove = Callable[[Any], None]

__all__ = ["exclusion", "inclusion"]


def inclusion(message: Any, paths: Paths) -> Copy:  # noqa: ANN401  # see above
    """Copies what the paths name from the first to the second message, which is empty.

    A message that is reached is there afterwards, even with nothing in it.
    """
    copies: list[Copy] = []
    for field in message.fields:
        below = paths.below(field)
        if below is None:
            continue
        if below and _is_message(field):
            inside = inclusion(field.message_type, below)
            copies.append((_each_inside if field.is_repeated else _inside)(field.name, inside))
        else:
            copies.append(_whole(field)(field.name))

    def copy(source: Any, target: Any) -> None:  # noqa: ANN401  # see above
        for one in copies:
            one(source, target)

    return copy


def exclusion(message: Any, paths: Paths) -> Remove | None:  # noqa: ANN401  # see above
    """Takes away what the paths name; None when they name nothing."""
    gone: list[str] = []
    inside: list[tuple[str, bool, Remove]] = []
    for field in message.fields:
        below = paths.below(field)
        if below is not None and not below:
            gone.append(field.name)
        elif below and _is_message(field) and (remove := exclusion(field.message_type, below)):
            inside.append((field.name, field.is_repeated, remove))
    if not gone and not inside:
        return None

    return _removing(gone, inside)


def _removing(gone: Sequence[str], inside: Sequence[tuple[str, bool, Remove]]) -> Remove:
    """Takes away whole fields, and what is wanted inside messages and lists of them."""

    def remove_all(target: Any) -> None:  # noqa: ANN401  # see above
        for name in gone:
            target.ClearField(name)
        for name, is_list, remove in inside:
            if is_list:
                for one in getattr(target, name):
                    remove(one)
            elif target.HasField(name):
                remove(getattr(target, name))

    return remove_all


def _is_message(field: Any) -> bool:  # noqa: ANN401  # see above
    return field.message_type is not None and not field.message_type.GetOptions().map_entry


def _whole(field: Any) -> Callable[[str], Copy]:  # noqa: ANN401  # see above
    """The way to copy all of a field."""
    if field.is_repeated:
        return _list
    if field.message_type is not None:
        return _message
    return _set_value if field.has_presence else _value


def _value(name: str) -> Copy:
    return lambda source, target: setattr(target, name, getattr(source, name))


def _set_value(name: str) -> Copy:
    def copy(source: Any, target: Any) -> None:  # noqa: ANN401  # see above
        if source.HasField(name):
            setattr(target, name, getattr(source, name))

    return copy


def _message(name: str) -> Copy:
    def copy(source: Any, target: Any) -> None:  # noqa: ANN401  # see above
        if source.HasField(name):
            getattr(target, name).CopyFrom(getattr(source, name))

    return copy


def _list(name: str) -> Copy:
    return lambda source, target: getattr(target, name).MergeFrom(getattr(source, name))


def _inside(name: str, copy_inside: Copy) -> Copy:
    def copy(source: Any, target: Any) -> None:  # noqa: ANN401  # see above
        if source.HasField(name):
            part = getattr(target, name)
            part.SetInParent()
            copy_inside(getattr(source, name), part)

    return copy


def _each_inside(name: str, copy_inside: Copy) -> Copy:
    def copy(source: Any, target: Any) -> None:  # noqa: ANN401  # see above
        parts = getattr(target, name)
        for one in getattr(source, name):
            copy_inside(one, parts.add())

    return copy
