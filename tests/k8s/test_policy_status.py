# SPDX-License-Identifier: Apache-2.0
"""What is written into the status of policies, and how often."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from k8s.watched import DEADLINE_S
from tetragon_k8s.cluster.errors import RefusedError, UnreachableError
from tetragon_k8s.cluster.policy_status import StatusPace, StatusWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import pytest

    from tetragon_k8s.cluster.errors import ApiError

PACE = StatusPace(first_s=0.0, again_s=0.05, between_s=0.0, retry_s=0.05, refused_s=1000.0)
LOADED = {"state": "loaded", "hooks": 1}
ERROR = {"state": "error", "hooks": 0}
PATH = "/apis/cilium.io/v1alpha1/tracingpolicies/a/status"


class Server:
    """Notes what it is given; refuses what the test says."""

    def __init__(self, *errors: ApiError) -> None:
        self.errors = list(errors)
        self.asked = 0
        self._moved = asyncio.Event()
        self.written: list[tuple[str, str, Mapping[str, Any]]] = []

    async def apply(self, path: str, fields: Mapping[str, Any], manager: str) -> Mapping[str, Any]:
        """As Api.apply()."""
        self.asked += 1
        if self.errors:
            self._moved.set()
            raise self.errors.pop(0)
        self.written.append((path, manager, fields))
        self._moved.set()
        return fields

    def states(self) -> list[list[str]]:
        """States of each write."""
        return [[one["state"] for one in each["status"]["nodes"]] for _, _, each in self.written]

    async def until(self, holds: Callable[[], object]) -> None:
        """Return when `holds()`."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def writing(server: Server, pace: StatusPace = PACE) -> AsyncIterator[StatusWriter]:
    """A writer of node n1 that runs."""
    writer = StatusWriter(server, "n1", pace=pace)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def say(
    writer: StatusWriter,
    status: Mapping[str, Any],
    name: str = "a",
    *,
    uid: str = "u",
    told: Mapping[str, Any] | None = None,
) -> None:
    """Have it written about a policy of the cluster."""
    writer.set("TracingPolicy", "", name, uid, status, told)


def test_what_is_written() -> None:
    """The entry of the own node, under the node's own name."""

    async def run() -> None:
        server = Server()
        async with writing(server) as writer:
            say(writer, LOADED)
            writer.set("TracingPolicyNamespaced", "ns", "b", "v", LOADED, None)
            await server.until(lambda: len(server.written) == 2)

        (path, manager, fields), (namespaced, _, other) = server.written
        (node,) = fields["status"]["nodes"]
        assert (PATH, "tetragon-mini.n1") == (path, manager)
        assert {"node": "n1", **LOADED} == {key: node[key] for key in node if key != "time"}
        assert namespaced.endswith("/namespaces/ns/tracingpoliciesnamespaced/b/status")
        assert {"name": "b", "namespace": "ns"} == other["metadata"]

    asyncio.run(run())


def test_what_is_there_already() -> None:
    """An agent that starts again writes nothing that is said already, and what is not."""

    async def run() -> None:
        server = Server()
        async with writing(server) as writer:
            say(writer, LOADED, "same", told={"node": "n1", "time": "before", **LOADED})
            say(writer, LOADED, "other", told={"node": "n1", "time": "before", **ERROR})
            await server.until(lambda: server.written)
            say(writer, LOADED, "last")
            await server.until(lambda: len(server.written) == 2)

        assert ["other", "last"] == [one["metadata"]["name"] for _, _, one in server.written]

    asyncio.run(run())


def test_many_changes() -> None:
    """Between two writes is a pause; then the newest is written, and nothing in between."""

    async def run() -> None:
        server = Server()
        async with writing(server) as writer:
            say(writer, LOADED)
            await server.until(lambda: server.written)
            for state in ("disabled", "partial", "error"):
                say(writer, {"state": state})
            await server.until(lambda: len(server.written) == 2)

        assert [["loaded"], ["error"]] == server.states()

    asyncio.run(run())


def test_another_policy_of_the_same_name() -> None:
    """It has no status yet, so the same is written again."""

    async def run() -> None:
        server = Server()
        async with writing(server) as writer:
            say(writer, LOADED)
            await server.until(lambda: server.written)
            say(writer, LOADED, uid="another")
            await server.until(lambda: len(server.written) == 2)

        assert [["loaded"], ["loaded"]] == server.states()

    asyncio.run(run())


def test_the_server_is_away() -> None:
    """It is tried again until it takes it."""

    async def run() -> None:
        server = Server(UnreachableError("away"), RefusedError("change", 409, "conflict"))
        async with writing(server) as writer:
            say(writer, LOADED)
            await server.until(lambda: server.written)

        assert (3, [["loaded"]]) == (server.asked, server.states())

    asyncio.run(run())


def test_it_may_not(caplog: pytest.LogCaptureFixture) -> None:
    """One line for all policies, and no policy is tried again soon."""

    async def run() -> None:
        refused = [RefusedError("change", 403, "no") for _ in range(3)]
        server = Server(*refused)
        async with writing(server) as writer:
            for name in "abc":
                say(writer, LOADED, name)
            await server.until(lambda: server.asked == 3)
            say(writer, ERROR)
            await asyncio.sleep(0)

        assert (3, 1) == (server.asked, caplog.text.count("their status does not say so"))

    asyncio.run(run())


def test_a_definition_without_status(caplog: pytest.LogCaptureFixture) -> None:
    """A policy that is still there after the server has said it is not: that is told."""

    async def run() -> None:
        server = Server(*[RefusedError("change", 404, "not found") for _ in range(2)])
        async with writing(server) as writer:
            say(writer, LOADED)
            await server.until(lambda: server.asked == 1)
            before = caplog.text
            await server.until(lambda: server.asked == 2)

        assert "" == before
        assert "not those of contrib/kubernetes" in caplog.text

    asyncio.run(run())


def test_a_policy_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is written about it, or told."""

    async def run() -> None:
        server = Server(RefusedError("change", 404, "not found"))
        async with writing(server) as writer:
            say(writer, LOADED)
            await server.until(lambda: server.asked)
            writer.forget("", "a")
            say(writer, LOADED, "b")
            await server.until(lambda: server.written)

        assert (2, "") == (server.asked, caplog.text)

    asyncio.run(run())


def test_the_agent_ends() -> None:
    """What this node has said is taken back, and nothing else is touched."""

    async def run() -> None:
        server = Server()
        writer = StatusWriter(server, "n1", pace=PACE)
        say(writer, LOADED, "said", told={"node": "n1", **LOADED})
        say(writer, LOADED, "not said")
        await writer.clear()

        assert ([[]], "said") == (server.states(), server.written[0][2]["metadata"]["name"])

    asyncio.run(run())
