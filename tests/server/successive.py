# SPDX-License-Identifier: Apache-2.0
"""Agents that run one after the other on a machine without a kernel, and what each finds pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.fake_engine import FakeEngine, FakeRuns, policy_text
from tetragon_core.stats import Counter
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies
from tetragon_server.policies.entry import Domain, PolicyEntry, PolicyKey
from tetragon_server.policies.reading import read_policy
from tetragon_server.policies.records import KeepRecord

if TYPE_CHECKING:
    from pathlib import Path

    from server.harness import Api

STATIC = PolicyKey("a", "", Domain.STATIC)
GRPC = PolicyKey("a", "", Domain.GRPC)


def killing(call: str = "v1", *, name: str = "a", message: str = "") -> str:
    """A policy that enforces; versions are told apart by the function."""
    more = "      selectors:\n        - matchActions:\n            - action: Sigkill\n"
    return policy_text(name, call=call, message=message, more=more)


class Host:
    """One machine: agents run on it one after the other, and what they pin stays."""

    def __init__(self, api: Api, directory: Path) -> None:
        self.api = api
        self.directory = directory
        self.directory.mkdir()
        self.engines: list[FakeEngine] = []
        self.policies: Policies
        self.unreceived = 0

    @property
    def engine(self) -> FakeEngine:
        """That of the agent that came last."""
        return self.engines[-1]

    def start(self, *, refused: str = "", **settings: Any) -> None:
        """Start another agent, in a kernel that may not have the function `refused`."""
        before = self.engines[-1:]
        engine = FakeEngine()
        engine.refused = {refused} if refused else set()
        if before:
            engine.calls = before[0].calls
            engine.pins = before[0].pins
        self.engines.append(engine)
        runs = FakeRuns(engine)
        runs.unreceived = self.unreceived
        config = AgentConfig(tracing_policy_dir=str(self.directory), **settings)
        self.policies = Policies(config, lambda _: engine, open_earlier=lambda: runs)
        engine.calls.clear()
        self.api.run(self.policies.start())

    def stop(self, *, is_clean: bool = True) -> None:
        """End the agent, by a signal or by an error."""
        self.api.run(self.policies.close(is_clean=is_clean))

    def crash(self) -> None:
        """End it so that nothing of it is done any more: an error leaves the same behind."""
        self.stop(is_clean=False)

    def add(self, text: str) -> PolicyEntry:
        """A policy that comes over gRPC."""
        entry: PolicyEntry = self.api.run(self.policies.manager.add(read_policy(text), Domain.GRPC))
        return entry

    def write(self, text: str, name: str = "a.yaml") -> None:
        """A file of the directory."""
        (self.directory / name).write_text(text)

    def entry(self) -> PolicyEntry:
        """The only policy."""
        (entry,) = self.policies.manager.entries()
        return entry

    def attached(self) -> list[str]:
        """Versions that this agent has attached, and those of earlier ones that still are."""
        earlier = [one for one in self.engine.pins if one.engine is not self.engine]
        names = [one.policy.hooks[0].name for one in earlier if one.is_attached]
        return sorted([*names, *(one.hooks[0].name for one in self.engine.attached)])

    def record(self) -> KeepRecord:
        """Of the only policy that is pinned."""
        (pins,) = self.engine.pins
        return KeepRecord.unpacked(pins.packed)

    def unattended(self) -> int:
        """What `status` shows."""
        return self.policies.manager.counters()[Counter.HOOK_UNATTENDED]
