# SPDX-License-Identifier: Apache-2.0
"""A policy that gives up enforcing, as the subscribers of the stream learn of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.builders import exec_event
from server.fake_engine import policy_text
from tetragon import events_pb2
from tetragon_core.policy.parse import parse_policy
from tetragon_core.stats import Stats
from tetragon_server.bus import Bus
from tetragon_server.encode import EventEncoder, fallback_suffix
from tetragon_server.policies.entry import PolicyEntry, PolicyKey, PolicyMode
from tetragon_server.process_message import ProcessBuilder
from tetragon_server.pump import Pump

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tetragon_core.events import Event


class Quiet:
    """A source without records, and an observer that makes an event of each."""

    def fileno(self) -> int:
        """None that is used."""
        return -1

    def acknowledge(self) -> None:
        """Nothing to do."""

    def drain(self, limit: int) -> list[Any]:
        """Nothing is ever there."""
        return [][:limit]

    def losses(self) -> int:
        """Nothing is lost."""
        return 0

    def feed(self, _message: object) -> Sequence[Event]:
        """One event."""
        return [exec_event()]


def test_the_news_comes_with_the_events_of_the_same_batch() -> None:
    """The record of the kill that was one too many is in the ring when the policy has fallen."""
    entry = PolicyEntry(
        id=2,
        key=PolicyKey("a", "web", "static"),
        policy=parse_policy(policy_text("a")),
        mode=PolicyMode.ENFORCE,
        max_kills=60,
    )
    fallen: list[PolicyEntry] = []
    bus = Bus(max_events=9, max_bytes=1 << 20)
    parts = ProcessBuilder(with_credentials=False, with_namespaces=False, host=None, users=None)
    encoder = EventEncoder(parts, node_name="n", cluster_name="")

    def notice() -> None:
        while fallen:
            bus.tell(fallback_suffix(fallen.pop()))

    pump = Pump(Quiet(), Quiet(), encoder, bus, Stats(), notice=notice)
    subscription = bus.subscribe()
    records: list[Any] = ["a record"]

    pump.feed(records)
    fallen.append(entry)
    pump.feed(records)
    pump.feed(records)

    payloads = asyncio.run(subscription.take(9, 1 << 20))
    events = [events_pb2.GetEventsResponse.FromString(one) for one in payloads]
    expected = events_pb2.PolicyFallback(
        policy_name="a", policy_namespace="web", domain="static", max_kills_per_minute=60
    )
    assert [[], [expected], []] == [list(one.policy_fallbacks) for one in events]
    assert {"process_exec"} == {one.WhichOneof("event") for one in events}
