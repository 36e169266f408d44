# SPDX-License-Identifier: Apache-2.0
"""The same as against the fake, so that the fake is right, against the real API server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from k8s.watch_properties import (
    test_a_name_that_is_used_again,
    test_a_version_that_is_too_old,
    test_long_lists_come_in_pages,
    test_the_server_may_end,
    test_watches_that_the_server_ends_go_on,
    test_what_there_is_then_each_change,
    test_who_may_not_list_is_told_the_rule,
)
from kubernetes.api_server import POD_READER, ApiServer, collection
from kubernetes.conftest import prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from k8s.watch_properties import Worlds

__all__ = [
    "test_a_name_that_is_used_again",
    "test_a_version_that_is_too_old",
    "test_long_lists_come_in_pages",
    "test_the_server_may_end",
    "test_watches_that_the_server_ends_go_on",
    "test_what_there_is_then_each_change",
    "test_who_may_not_list_is_told_the_rule",
]


class RealWorld:
    """The real server, without its cache: with it, old versions could be watched from for long."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._names: set[str] = set()

    def kubeconfig(self, user: str = POD_READER) -> str:
        """As World."""
        return str(self._server.kubeconfig(user))

    async def start(self) -> None:
        """As World."""
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """As World."""
        await asyncio.to_thread(self._server.kill)

    async def put(self, one: Mapping[str, Any]) -> None:
        """As World."""
        await asyncio.to_thread(self._put, dict(one))

    def _put(self, one: dict[str, Any]) -> None:
        name = one["metadata"]["name"]
        if name not in self._names:
            self._server.create(one)
            self._names.add(name)
            return
        changes = {"metadata": {"labels": one["metadata"]["labels"]}}
        self._server.request(
            "PATCH",
            f"{collection(one)}/{name}",
            changes,
            content_type="application/merge-patch+json",
        )

    async def remove(self, name: str) -> None:
        """As World."""
        self._names.discard(name)
        await asyncio.to_thread(self._remove, name)

    def _remove(self, name: str) -> None:
        path = f"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0"
        self._server.request("DELETE", path)

    async def expire(self) -> None:
        """As World."""
        await asyncio.to_thread(self._server.compact)

    def clean(self) -> None:
        """Leave nothing for the next test."""
        for name in self._names:
            self._remove(name)


@pytest.fixture(scope="module")
def uncached(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of this module's own, which its tests may stop."""
    server = ApiServer(programs, tmp_path_factory.mktemp("api") / "a", "--watch-cache=false")
    try:
        prepare(server)
        yield server
    finally:
        server.stop()


@pytest.fixture
def worlds(uncached: ApiServer) -> Worlds:
    """The real one."""

    @asynccontextmanager
    async def make() -> AsyncIterator[RealWorld]:
        real = RealWorld(uncached)
        yield real
        await asyncio.to_thread(real.clean)

    return make
