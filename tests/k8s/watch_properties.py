# SPDX-License-Identifier: Apache-2.0
"""What a watch does against any API server: these tests run against a fake and against a real one.

`world` is a fixture of the module that imports them; it gives a function that makes a World inside
the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from k8s.watched import FAST, running, some_pod, watching
from tetragon_k8s.cluster.errors import RefusedError
from tetragon_k8s.cluster.watching import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from k8s.watched import World

    Worlds = Callable[[], AbstractAsyncContextManager[World]]


def test_what_there_is_then_each_change(worlds: Worlds) -> None:
    """Objects there are come first, then each change in order; those of other nodes never."""

    async def follow() -> list[tuple[str, str]]:
        async with worlds() as world:
            await world.put(some_pod("first"))
            await world.put(some_pod("elsewhere", node="node2"))
            async with running(world) as (_, seen):
                await seen.has(("synced", ""))
                await world.put(some_pod("second", "red"))
                await world.put(some_pod("second", "blue"))
                await world.remove("second")
                await world.put(some_pod("last"))
                await seen.has(("changed", "last"))
                return seen.told

    told = asyncio.run(follow())

    assert [
        ("changed", "first"),
        ("synced", ""),
        ("changed", "second red"),
        ("changed", "second blue"),
        ("deleted", "second"),
        ("changed", "last"),
    ] == list(dict.fromkeys(told))  # the real one changes a pod before it deletes it


def test_the_server_may_end(worlds: Worlds) -> None:
    """After its restart what changed meanwhile is told, and nothing twice; no list is needed."""

    async def follow() -> tuple[list[tuple[str, str]], int]:
        async with worlds() as world:
            await world.put(some_pod("stays"))
            async with running(world) as (watch, seen):
                await seen.has(("synced", ""))
                await world.stop()
                await seen.until(lambda: watch.tally.failures)
                await world.start()
                await world.put(some_pod("new"))
                await seen.has(("changed", "new"))
                return seen.told, watch.tally.lists

    told, lists = asyncio.run(follow())

    assert ([("changed", "stays"), ("synced", ""), ("changed", "new")], 1) == (told, lists)


def test_a_version_that_is_too_old(worlds: Worlds) -> None:
    """What there is gets listed anew: the difference is told, ends that were missed as well."""

    async def follow() -> list[tuple[str, str]]:
        async with worlds() as world:
            await world.put(some_pod("stays"))
            await world.put(some_pod("goes"))
            async with watching(world) as (watch, seen):
                await watch.sync()
                await world.remove("goes")
                await world.put(some_pod("comes"))
                await world.expire()
                task = asyncio.create_task(watch.run())
                await seen.until(lambda: 2 == seen.told.count(("synced", "")))
                await world.put(some_pod("later"))
                await seen.has(("changed", "later"))
                task.cancel()
                return seen.told[3:]

    told = asyncio.run(follow())

    assert [
        ("changed", "comes"),
        ("deleted", "goes"),
        ("synced", ""),
        ("changed", "later"),
    ] == told


def test_long_lists_come_in_pages(worlds: Worlds) -> None:
    """Each object is told once, however many pages there are."""

    async def follow() -> list[tuple[str, str]]:
        async with worlds() as world:
            for number in range(5):
                await world.put(some_pod(f"pod{number}"))
            async with watching(world) as (watch, seen):
                watch._limit = 2
                watch._list_from = ""
                await watch.sync()
                return seen.told

    told = asyncio.run(follow())

    assert [*(("changed", f"pod{number}") for number in range(5)), ("synced", "")] == told


def test_a_name_that_is_used_again(worlds: Worlds) -> None:
    """Another object of the same name is another one: the end of the first is told before."""

    async def follow() -> tuple[list[tuple[str, str]], int]:
        async with worlds() as world:
            await world.put(some_pod("same"))
            async with watching(world) as (watch, seen):
                await watch.sync()
                await world.remove("same")
                await world.put(some_pod("same"))
                await watch.sync()
                return seen.told, len(set(seen.uids))

    told, uids = asyncio.run(follow())

    assert ("changed", "same") == told[0]
    assert [("deleted", "same"), ("changed", "same"), ("synced", "")] == told[2:]
    assert 2 == uids


def test_watches_that_the_server_ends_go_on(worlds: Worlds) -> None:
    """A watch that has lasted for its time is asked for again from where it was."""

    async def follow() -> tuple[int, int]:
        short = Pace(first_s=0.01, most_s=0.1, lasts_s=1)
        async with worlds() as world, running(world, short) as (watch, seen):
            await seen.until(lambda: watch.tally.watches == 3)
            await world.put(some_pod("late"))
            await seen.has(("changed", "late"))
            return watch.tally.lists, watch.tally.failures

    assert (1, 0) == asyncio.run(follow())


def test_who_may_not_list_is_told_the_rule(worlds: Worlds) -> None:
    """The message has what the ClusterRole lacks."""

    async def follow() -> str:
        async with worlds() as world, watching(world, FAST, "stranger") as (watch, _):
            with pytest.raises(RefusedError) as refused:
                await watch.sync()
            return str(refused.value)

    told = asyncio.run(follow())

    assert "(403)" in told
    assert '{apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"]}' in told
