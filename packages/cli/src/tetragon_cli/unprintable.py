# SPDX-License-Identifier: Apache-2.0
"""The error of a format that cannot show an event; the stream goes on after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tetragon.events_pb2 import GetEventsResponse

__all__ = ["UnprintableEventError", "unknown_type"]


class UnprintableEventError(Exception):
    """This format has no text for the event; the message says why."""


def unknown_type(response: GetEventsResponse) -> UnprintableEventError:
    """The error for a type that has no form; of one newer than this client only the field is known.

    It is the lowest unknown one: what belongs to every event has higher numbers.
    """
    kind = response.WhichOneof("event")
    if kind is not None:
        return UnprintableEventError(f"unknown event type: {kind.upper()}")
    from google.protobuf.unknown_fields import UnknownFieldSet  # noqa: PLC0415  # hardly ever needed

    unknown = UnknownFieldSet(response)
    numbers = [unknown[at].field_number for at in range(len(unknown))]
    field = f" (field {min(numbers)}; this client is older than the agent)" if numbers else ""
    return UnprintableEventError(f"unknown event type: UNDEF{field}")
