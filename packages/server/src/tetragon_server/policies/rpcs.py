# SPDX-License-Identifier: Apache-2.0
"""The rpcs about policies. Errors are Tetragon's: its code UNKNOWN and its words, for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tetragon import sensors_pb2 as pb
from tetragon_core.errors import TetragonError, UsageError

from .entry import Domain, PolicyKey, PolicyMode, mode_of
from .reading import read_policy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from google.protobuf.message import Message

    from .manager import PolicyManager
    from .persisting import Persisting
    from .worker import EngineWorker

    # What a request is depends on the rpc.
    Answer = Callable[[Any], Awaitable[Message]]

__all__ = ["PolicyRpcs"]

_DETAILS_BYTES: Final = 6000
"""Clients take 8 KiB of headers, and the text of an error is one, in percent encoding."""
_DEPRECATED: Final = ("ListSensors", "EnableSensor", "DisableSensor", "RemoveSensor")
_OLD_OPTION: Final = (
    "{} is deprecated and will be removed in the next release. Use"
    " --enable-deprecated-tracingpolicy-grpc option to enable it in the meantime"
)
_NO_ENFORCEMENT: Final = (
    "tracing policy {} would enforce, which --reject-enforcement forbids to clients; add it in mode"
    " monitor, or let it load the policy from a file"
)


class PolicyRpcs:
    """Requests to the manager, and what it says back."""

    def __init__(
        self,
        manager: PolicyManager | Persisting,
        worker: EngineWorker,
        *,
        with_deprecated: bool = False,
        reject_enforcement: bool = False,
    ) -> None:
        """`reject_enforcement`: nothing that comes over gRPC may make a policy enforce."""
        self._manager = manager
        self._worker = worker
        self._with_deprecated = with_deprecated
        self._reject_enforcement = reject_enforcement

    def answers(self) -> Mapping[str, Answer]:
        """Rpc name → request to reply; raising GRPCError."""
        known: dict[str, Answer] = {
            "AddTracingPolicy": self._add,
            "DeleteTracingPolicy": self._delete,
            "ListTracingPolicies": self._list,
            "ConfigureTracingPolicy": self._configure,
            "EnableTracingPolicy": self._enable,
            "DisableTracingPolicy": self._disable,
            "ListDomains": self._list_domains,
            **{name: _deprecated(name) for name in _DEPRECATED},
        }
        return {name: _with_status(answer) for name, answer in known.items()}

    async def _add(self, request: pb.AddTracingPolicyRequest) -> Message:
        read = await self._worker.run(lambda: read_policy(request.yaml))
        if self._reject_enforcement and mode_of(read.policy) is PolicyMode.ENFORCE:
            raise UsageError(_NO_ENFORCEMENT.format(read.policy.name))
        entry = await self._manager.add(read, request.domain or Domain.GRPC)
        return pb.AddTracingPolicyResponse(warnings=entry.warnings)

    async def _delete(self, request: pb.DeleteTracingPolicyRequest) -> Message:
        await self._manager.delete(_key(request))
        return pb.DeleteTracingPolicyResponse()

    async def _list(self, request: pb.ListTracingPoliciesRequest) -> Message:
        entries = self._manager.entries(request.domain)
        from .status import policy_status  # noqa: PLC0415  its enums are those of the policy model

        return pb.ListTracingPoliciesResponse(policies=map(policy_status, entries))

    async def _list_domains(self, _: pb.ListDomainsRequest) -> Message:
        domains = {entry.key.domain for entry in self._manager.entries()}
        return pb.ListDomainsResponse(domains=sorted(domains))

    async def _configure(self, request: pb.ConfigureTracingPolicyRequest) -> Message:
        key = _key(request)
        self._manager.find(key)
        mode = _mode(request.mode) if request.HasField("mode") else None
        if self._reject_enforcement and mode is PolicyMode.ENFORCE:
            raise UsageError(_NO_ENFORCEMENT.format(key.name))
        await self._manager.configure(
            key,
            mode=mode,
            enable=request.enable if request.HasField("enable") else None,
        )
        return pb.ConfigureTracingPolicyResponse()

    async def _enable(self, request: pb.EnableTracingPolicyRequest) -> Message:
        await self._switch("EnableTracingPolicy", _key(request), enable=True)
        return pb.EnableTracingPolicyResponse()

    async def _disable(self, request: pb.DisableTracingPolicyRequest) -> Message:
        await self._switch("DisableTracingPolicy", _key(request), enable=False)
        return pb.DisableTracingPolicyResponse()

    async def _switch(self, rpc: str, key: PolicyKey, *, enable: bool) -> None:
        if not self._with_deprecated:
            raise UsageError(_OLD_OPTION.format(rpc))
        await self._manager.configure(key, enable=enable)


def _key(
    request: pb.DeleteTracingPolicyRequest
    | pb.ConfigureTracingPolicyRequest
    | pb.EnableTracingPolicyRequest
    | pb.DisableTracingPolicyRequest,
) -> PolicyKey:
    return PolicyKey(request.name, request.namespace, request.domain or Domain.GRPC)


def _mode(number: int) -> PolicyMode:
    name = pb.TracingPolicyMode.Name(number) if number in pb.TracingPolicyMode.values() else number
    if name not in {PolicyMode.ENFORCE.value, PolicyMode.MONITOR.value}:
        raise UsageError(f"unexpected mode: {name}")
    return PolicyMode(name)


def _deprecated(rpc: str) -> Answer:
    async def refuse(_: object) -> Message:
        raise UsageError(f"{rpc} is deprecated")

    return refuse


def _with_status(answer: Answer) -> Answer:
    async def answer_or_refuse(request: object) -> Message:
        try:
            return await answer(request)
        except TetragonError as error:
            raise GRPCError(Status.UNKNOWN, _fitting(str(error))) from error

    return answer_or_refuse


def _fitting(text: str) -> str:
    """As many lines of `text` as the header of a reply can hold."""
    lines = text.splitlines()
    kept: list[str] = []
    room = _DETAILS_BYTES
    for line in lines:
        room -= len(quote(line)) + 3
        if room < 0:
            break
        kept.append(line)
    if len(kept) < len(lines):
        kept.append(f"and {len(lines) - len(kept)} more; mend these first")
    return "\n".join(kept)
