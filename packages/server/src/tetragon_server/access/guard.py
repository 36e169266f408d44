# SPDX-License-Identifier: Apache-2.0
"""Stands before every rpc: refuses changes to who may only watch, and has each change audited."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from .identity import identity_of

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from grpclib.events import RecvRequest
    from grpclib.server import Stream

    from .audit import AuditLog
    from .identity import Identity
    from .rules import AccessRules

__all__ = ["AUDITED_RPCS", "WATCHING_RPCS", "AccessGuard"]

_SERVICES: Final = ("/tetragon.FineGuidanceSensors/", "/tetragon.EventLogService/")
WATCHING_RPCS: Final = frozenset(
    {
        *("GetEvents", "GetHealth", "GetVersion", "GetInfo", "GetDebug", "GetEventLogParams"),
        *("ListTracingPolicies", "ListDomains", "ListSensors"),
    }
)
"""Change nothing. Every other rpc of the API takes full access, one that is new here as well."""
AUDITED_RPCS: Final = frozenset(
    {
        *("AddTracingPolicy", "DeleteTracingPolicy", "ConfigureTracingPolicy"),
        *("EnableTracingPolicy", "DisableTracingPolicy", "SetDebug", "SetEventLogParams"),
        *("EnableSensor", "DisableSensor", "RemoveSensor"),
    }
)
_LONG: Final = 256


class AccessGuard:
    """A listener for grpclib's RecvRequest, shared by all connections."""

    def __init__(self, rules: AccessRules, audit: AuditLog) -> None:
        self.rules = rules
        """May be replaced while the agent runs."""
        self._audit = audit

    async def __call__(self, event: RecvRequest) -> None:
        """Let grpclib call a handler that was checked, and is watched if it changes something."""
        service, _, name = event.method_name.rpartition("/")
        if f"{service}/" not in _SERVICES or name in WATCHING_RPCS:
            return
        who = identity_of(event.peer._transport)  # noqa: SLF001  # grpclib shows the address only
        handler = event.method_func
        may_change = self.rules.may_change(who)

        async def watched(stream: Stream[Any, Any]) -> None:
            seen: list[Message] = []
            _remember(stream, seen)
            outcome = "done"
            try:
                await (handler(stream) if may_change else _refuse(name, who, stream))
            except GRPCError as error:
                outcome = f"refused: {' '.join((error.message or error.status.name).split())}"
                raise
            except BaseException as error:
                outcome = f"broken off: {type(error).__name__}"
                raise
            finally:
                if name in AUDITED_RPCS:
                    self._audit.record(name, outcome, who.as_fields(), _summary(seen))

        event.method_func = watched


async def _refuse(name: str, who: Identity, stream: Stream[Any, Any]) -> None:
    """The request is read all the same: the audit log tells what was wanted."""
    await stream.recv_message()
    known = ", ".join(f"{key} {value}" for key, value in who.as_fields().items())
    raise GRPCError(
        Status.PERMISSION_DENIED,
        f"{name}: you may watch but not change anything ({known}); the agent's --full-access and"
        " --read-only decide",
    )


def _remember(stream: Stream[Any, Any], seen: list[Message]) -> None:
    receive = stream.recv_message

    async def receive_and_remember() -> Message | None:
        message = await receive()
        if message is not None:
            seen.append(message)
        return message

    stream.recv_message = receive_and_remember  # type: ignore[method-assign]  # one stream's only


def _summary(requests: list[Message]) -> dict[str, Any]:
    """The request's fields; a long text as its hash, which names it as well."""
    fields: dict[str, Any] = {}
    for request in requests:
        for field, value in request.ListFields():
            if isinstance(value, str) and len(value) > _LONG:
                fields[f"{field.name}_sha256"] = hashlib.sha256(value.encode()).hexdigest()
                fields[f"{field.name}_start"] = value[:_LONG]
            else:
                fields[field.name] = value if isinstance(value, str | int | bool) else str(value)
    return fields
