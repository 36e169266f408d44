# SPDX-License-Identifier: Apache-2.0
"""What came over gRPC is there again after a restart, as it was left; files and kernel agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from grpclib.exceptions import GRPCError

from server.fake_engine import policy_text
from server.successive import Host, killing
from tetragon import sensors_pb2 as pb
from tetragon_core.errors import UsageError
from tetragon_server.policies.entry import PolicyMode, PolicyState
from tetragon_server.policies.status import policy_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from server.harness import Api

NAMESPACED = (
    policy_text("b")
    .replace("kind: TracingPolicy", "kind: TracingPolicyNamespaced")
    .replace("name: b", "name: b\n  namespace: ns")
)
REFUSED = policy_text("z", message="refuse")


class Keeping:
    """A machine whose agents keep what comes over gRPC."""

    def __init__(self, api: Api, directory: Path) -> None:
        self.host = Host(api, directory / "tp")
        self.records = directory / "deep" / "records"

    def start(self, **settings: Any) -> None:
        """Start the next agent."""
        wanted: dict[str, Any] = {
            "persist_grpc_policies": True,
            "persist_grpc_policies_dir": str(self.records),
        }
        self.host.start(**wanted | settings)

    def restart(self, **settings: Any) -> None:
        """End the agent, and start the next."""
        self.host.stop()
        self.start(**settings)

    def call(self, rpc: str, **fields: Any) -> None:
        """Call it as the server does."""
        request = getattr(pb, f"{rpc}Request")(**fields)

        async def answer() -> None:
            await self.host.policies.rpcs.answers()[rpc](request)

        self.host.api.run(answer())

    def add(self, text: str, domain: str = "") -> None:
        """AddTracingPolicy."""
        self.call("AddTracingPolicy", yaml=text, domain=domain)

    def names(self) -> list[str]:
        """Of the files."""
        return sorted(path.name for path in self.records.iterdir())

    def record(self, name: str = "a::grpc.json") -> Any:
        """What is in one."""
        return json.loads((self.records / name).read_text())

    def states(self) -> Sequence[tuple[str, PolicyState]]:
        """Of all policies."""
        entries = self.host.policies.manager.entries()
        return [(str(entry.key), entry.state) for entry in entries]


@pytest.fixture
def keeping(api: Api, tmp_path: Path) -> Iterator[Keeping]:
    """One with an agent that runs."""
    made = Keeping(api, tmp_path)
    made.start()
    yield made
    made.host.stop()


def test_added_policies_are_there_again(keeping: Keeping) -> None:
    """One file each, in a directory of root's, named and written as Tetragon does."""
    keeping.add(policy_text("a"))
    keeping.add(NAMESPACED, "mine")

    keeping.restart()

    assert ["a::grpc.json", "b:ns:mine.json"] == keeping.names()
    assert {"yaml": policy_text("a"), "enabled": True} == keeping.record()
    assert [0o700, 0o600] == [
        path.stat().st_mode & 0o777 for path in (keeping.records, keeping.records / "a::grpc.json")
    ]
    enabled = PolicyState.ENABLED
    assert [("grpc:a", enabled), ("mine:ns/b", enabled)] == keeping.states()


def test_a_deleted_policy_is_forgotten(keeping: Keeping) -> None:
    """Its file goes with it."""
    keeping.add(policy_text("a"))

    keeping.call("DeleteTracingPolicy", name="a")

    assert [] == keeping.names()
    keeping.restart()
    assert [] == keeping.states()


def test_a_disabled_policy_comes_back_disabled(keeping: Keeping) -> None:
    """Nothing of it is loaded at start, and it can be enabled later."""
    keeping.add(killing())
    keeping.call("ConfigureTracingPolicy", name="a", enable=False)

    keeping.restart()

    assert keeping.record()["enabled"] is False
    assert [("grpc:a", PolicyState.DISABLED)] == keeping.states()
    assert [] == keeping.host.engine.attached
    assert pb.TP_MODE_ENFORCE == policy_status(keeping.host.entry()).mode
    keeping.call("ConfigureTracingPolicy", name="a", enable=True)
    assert [("grpc:a", PolicyState.ENABLED)] == keeping.states()
    assert keeping.record()["enabled"] is True
    keeping.restart()
    assert [("grpc:a", PolicyState.ENABLED)] == keeping.states()


def test_disabled_while_the_agent_died(keeping: Keeping) -> None:
    """What an earlier agent still enforces ends, if the record says that it was disabled."""
    keeping.add(killing())
    keeping.host.crash()
    path = keeping.records / "a::grpc.json"
    path.write_text(path.read_text().replace("true", "false"))

    keeping.start()

    assert [] == keeping.host.attached()
    assert [("grpc:a", PolicyState.DISABLED)] == keeping.states()


def test_the_mode_comes_back(keeping: Keeping) -> None:
    """The policy that is kept asks for the mode that was set."""
    keeping.add(killing())

    keeping.call("ConfigureTracingPolicy", name="a", mode=pb.TP_MODE_MONITOR)

    keeping.restart()
    assert keeping.host.entry().mode is PolicyMode.MONITOR
    keeping.call("ConfigureTracingPolicy", name="a", mode=pb.TP_MODE_ENFORCE)
    keeping.restart()
    assert keeping.host.entry().mode is PolicyMode.ENFORCE


def test_policies_of_files_are_not_kept(keeping: Keeping) -> None:
    """Whatever is asked of them over gRPC."""
    keeping.host.write(killing(name="f"))
    keeping.restart()

    keeping.call("ConfigureTracingPolicy", name="f", domain="static", enable=False)
    keeping.call("DeleteTracingPolicy", name="f", domain="static")

    assert [] == keeping.names()


@pytest.mark.parametrize("message", ["refuse", "crash"])
def test_what_cannot_be_loaded_is_not_kept(keeping: Keeping, message: str) -> None:
    """A refused policy leaves no record."""
    with pytest.raises(GRPCError):
        keeping.add(policy_text("a", message=message))

    assert [] == keeping.names()


@pytest.mark.parametrize("domain", ["../up", "a/b"])
def test_a_name_is_no_path(keeping: Keeping, domain: str) -> None:
    """A domain with a slash is refused before anything is loaded."""
    with pytest.raises(GRPCError, match="slash"):
        keeping.add(policy_text("a"), domain)

    assert [] == keeping.states()


def test_what_cannot_be_written_is_not_loaded(keeping: Keeping) -> None:
    """The policy goes again, and the error says why."""
    keeping.records.rmdir()

    with pytest.raises(GRPCError, match=r"was not persisted: .*No such file"):
        keeping.add(policy_text("a"))

    assert [] == keeping.states()
    assert [] == keeping.host.engine.attached


def test_a_change_that_fails_is_not_kept(keeping: Keeping) -> None:
    """The record is as before when the kernel does not let go."""
    keeping.add(policy_text("a", message="stuck"))

    with pytest.raises(GRPCError, match="it does not let go"):
        keeping.call("ConfigureTracingPolicy", name="a", enable=False)

    assert keeping.record()["enabled"] is True


def test_a_half_written_record_is_left_alone(keeping: Keeping) -> None:
    """So is whatever else lies there."""
    keeping.add(policy_text("a"))
    for name in ("b::grpc.77.json.tmp", "README"):
        (keeping.records / name).write_text("{")
    (keeping.records / "d::grpc.json").mkdir()

    keeping.restart()

    assert [("grpc:a", PolicyState.ENABLED)] == keeping.states()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("b::grpc.json", "{", "not JSON"),
        ("b::grpc.json", "[]", "wanted is"),
        ("b::grpc.json", '{"yaml": 1, "enabled": true}', "wanted is"),
        ("b.json", "{}", "it has to be named"),
        ("b::grpc.json", '{"yaml": "kind: x", "enabled": true}', "mend or remove it"),
        ("z::grpc.json", json.dumps({"yaml": policy_text("y"), "enabled": True}), "is grpc:y"),
        ("z::grpc.json", json.dumps({"yaml": REFUSED, "enabled": True}), "mend"),
    ],
)
def test_a_bad_record_ends_the_start(keeping: Keeping, name: str, text: str, reason: str) -> None:
    """With one line that names it; nothing stays loaded."""
    keeping.add(policy_text("a"))
    keeping.host.stop()
    (keeping.records / name).write_text(text)

    with pytest.raises(UsageError, match=reason) as raised:
        keeping.start()

    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
    keeping.host.stop()
    assert [] == keeping.host.engine.attached


def test_rejected_enforcement_holds_for_what_was_kept(keeping: Keeping) -> None:
    """Such a record ends the start, as nobody said what to do instead."""
    keeping.add(killing())

    with pytest.raises(UsageError, match=r"a::grpc.json: it would enforce"):
        keeping.restart(reject_enforcement=True)
