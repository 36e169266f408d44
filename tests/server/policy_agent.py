# SPDX-License-Identifier: Apache-2.0
"""A server that has policies, its client and the engine behind it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from server.fake_engine import FakeEngine
from server.harness import DEADLINE_S, Api, connected, running_api
from tetragon import sensors_pb2 as pb
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class PolicyAgent:
    """A client of a server that has policies, and the engine behind it."""

    def __init__(self, api: Api, client: Any, policies: Policies, engine: FakeEngine) -> None:
        self.api = api
        self.client = client
        self.policies = policies
        self.engine = engine

    def add(self, text: str, domain: str = "") -> Any:
        """AddTracingPolicy."""
        request = pb.AddTracingPolicyRequest(yaml=text, domain=domain)
        return self.client.AddTracingPolicy(request, timeout=DEADLINE_S)

    def configure(self, name: str, **fields: Any) -> None:
        """ConfigureTracingPolicy."""
        request = pb.ConfigureTracingPolicyRequest(name=name, **fields)
        self.client.ConfigureTracingPolicy(request, timeout=DEADLINE_S)

    def delete(self, name: str, **fields: Any) -> None:
        """DeleteTracingPolicy."""
        request = pb.DeleteTracingPolicyRequest(name=name, **fields)
        self.client.DeleteTracingPolicy(request, timeout=DEADLINE_S)

    def list(self, domain: str = "") -> list[pb.TracingPolicyStatus]:
        """What ListTracingPolicies says."""
        request = pb.ListTracingPoliciesRequest(domain=domain)
        return list(self.client.ListTracingPolicies(request, timeout=DEADLINE_S).policies)

    def one(self) -> pb.TracingPolicyStatus:
        """The only policy."""
        (status,) = self.list()
        return status

    def error(self, call: Any, *args: Any, **fields: Any) -> str:
        """The words of a refused call; its code is always upstream's."""
        with pytest.raises(grpc.RpcError) as caught:
            call(*args, **fields)
        assert grpc.StatusCode.UNKNOWN == caught.value.code()
        return str(caught.value.details())


@contextlib.contextmanager
def policy_agent(directory: Path, config: AgentConfig | None = None) -> Iterator[PolicyAgent]:
    """One that runs; at its end nothing may be attached."""
    engine = FakeEngine()
    policies = Policies(config or AgentConfig(tracing_policy_dir=""), lambda _: engine)
    with running_api(directory, more=policies.rpcs.answers()) as api, connected(api) as client:
        yield PolicyAgent(api, client, policies, engine)
        engine.go_on.set()
        api.run(policies.close())
    assert [] == engine.attached
