# SPDX-License-Identifier: Apache-2.0
"""Whose bytes are handled when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tetragon_server.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import pytest

PIECE_S = 0.004


class Clock:
    """Stands still but for what tests and readers spend."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now_s


class Connection:
    """Notes what it handles, in a list that it may share."""

    def __init__(self, name: str, clock: Clock, handled: list[tuple[str, bytes]]) -> None:
        self.name = name
        self.is_ended = False
        self.is_blocked = False
        self.is_reading = True
        self.is_broken = False
        self._clock = clock
        self._handled = handled

    def handle(self, data: bytes) -> None:
        """Take its time."""
        self._clock.now_s += PIECE_S
        if self.is_broken:
            raise ValueError(self.name)
        self._handled.append((self.name, data))

    def abort(self) -> None:
        """Read no more."""
        self.is_ended = True

    def pause_reading(self) -> None:
        """Remember it."""
        self.is_reading = False

    def resume_reading(self) -> None:
        """Remember it."""
        self.is_reading = True


class Scene:
    """Two connections and their turns."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.handled: list[tuple[str, bytes]] = []
        self.turns = Turns(self.clock)
        self.a = Connection("a", self.clock, self.handled)
        self.b = Connection("b", self.clock, self.handled)

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        """In a loop that goes by the scene's clock."""

        async def by_clock() -> Any:
            asyncio.get_running_loop().time = self.clock  # type: ignore[method-assign]  # no other way
            return await main

        return asyncio.run(by_clock())

    async def let_run(self) -> None:
        """Until nobody waits who may go on; time passes, as much as anybody needs."""
        for _ in range(200):
            self.clock.now_s += 1
            await asyncio.sleep(0)

    def bytes_of(self, name: str) -> bytes:
        """All that this connection has handled."""
        return b"".join(data for whose, data in self.handled if whose == name)


def test_a_short_message_is_handled_at_once() -> None:
    """An ordinary client waits for nothing."""
    scene = Scene()
    scene.turns.received(scene.a, b"call")

    assert [("a", b"call")] == scene.handled
    assert scene.a.is_reading


def test_floods_take_turns() -> None:
    """Each connection gets its bytes handled in order, and none all of its own before another."""
    scene = Scene()
    first, second = b"x" * 9000 + b"y" * 900, b"z" * 5000

    async def flood() -> tuple[bool, bool]:
        scene.turns.received(scene.a, first)
        scene.turns.received(scene.b, second)
        were_reading = scene.a.is_reading, scene.b.is_reading
        await scene.let_run()
        return were_reading

    were_reading = scene.run(flood())

    assert ["a", "b", "a", "b", "a", "b", "a", "a"] == [name for name, _ in scene.handled]
    assert (first, second) == (scene.bytes_of("a"), scene.bytes_of("b"))
    assert (False, False) == were_reading
    assert scene.a.is_reading
    assert scene.b.is_reading


def test_who_has_used_the_time_up_waits() -> None:
    """Short messages, too: half of the time is for them, and a little beyond."""
    scene = Scene()

    async def call_often() -> int:
        for _ in range(100):
            scene.turns.received(scene.a, b"call")
        at_once = len(scene.handled)
        await scene.let_run()
        return at_once

    assert scene.run(call_often()) == 10
    assert b"call" * 100 == scene.bytes_of("a")


def test_who_does_not_read_answers_may_not_ask() -> None:
    """Else the answers to a flood of pings would take all memory."""
    scene = Scene()

    async def read_at_last() -> bytes:
        scene.a.is_blocked = True
        scene.turns.received(scene.a, b"ping")
        await scene.let_run()
        before = scene.bytes_of("a")
        scene.a.is_blocked = False
        scene.turns.unblocked(scene.a)
        await scene.let_run()
        return before

    assert scene.run(read_at_last()) == b""
    assert scene.bytes_of("a") == b"ping"


def test_a_failure_ends_its_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    """The rest of what it sent is left, and others have their turn."""
    scene = Scene()

    async def fail() -> None:
        scene.a.is_broken = True
        scene.turns.received(scene.a, b"x" * 9000)
        scene.turns.received(scene.b, b"z" * 9000)
        await scene.let_run()
        scene.turns.forget(scene.a)

    scene.run(fail())

    assert scene.a.is_ended
    assert scene.bytes_of("b") == b"z" * 9000
    assert len(caplog.records) == 1
