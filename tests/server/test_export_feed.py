# SPDX-License-Identifier: Apache-2.0
"""Between exporter and sink: order, retries, bounds, and what is said about them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from server.exporting import FakeSink, ready, ready_ones
from server.harness import wait_until
from tetragon import events_pb2 as pb
from tetragon_server.export.feed import Feed
from tetragon_server.export.sink import ExportedEvent, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


@pytest.fixture
def open_feed(sink: FakeSink) -> Iterator[Callable[..., Feed]]:
    """Started feeds of the one sink; closed at the end."""
    feeds: list[Feed] = []

    def make(**settings: float | Sequence[float]) -> Feed:
        wanted = {"max_events": 100, "max_bytes": 10_000, "retries_s": (0.001,)} | settings
        feeds.append(Feed(sink, **wanted))  # type: ignore[arg-type]  # of several types
        feeds[-1].start()
        return feeds[-1]

    yield make
    for feed in feeds:
        sink.failure = ""
        sink.gate.set()
        finish(feed)


def finish(feed: Feed) -> None:
    feed.close()
    wait_until(lambda: feed.has_ended, "the feed to end")


def lines(*numbers: int) -> list[bytes]:
    return [ready(number).line for number in numbers]


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    return [(one.getMessage(), vars(one)["attrs"]) for one in caplog.records]


def test_events_are_written_in_order(open_feed: Callable[..., Feed], sink: FakeSink) -> None:
    """All that is offered before the end is written, and the sink closed."""
    feed = open_feed()

    feed.offer(ready_ones([1, 2]))
    feed.offer(ready_ones([3]))
    finish(feed)

    assert (sink.lines, sink.is_closed) == (lines(1, 2, 3), True)


def test_counts_tell_what_was_written(open_feed: Callable[..., Feed]) -> None:
    """Events, bytes with line ends, the last event's time; a note on the limit is no event."""
    feed = open_feed()

    feed.offer([*ready_ones([7, 8]), ExportedEvent(pb.RATE_LIMIT_INFO, 99, b"{}")])
    finish(feed)

    counts = feed.counts
    assert (counts.written, counts.written_bytes, counts.last_time_ns) == (2, 8 + 8 + 3, 8)


def test_what_a_sink_could_not_write_is_offered_again(
    open_feed: Callable[..., Feed], sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    """From where it ended: nothing twice, nothing left out; told once, and once when it works."""
    caplog.set_level(logging.WARNING)
    sink.failure, sink.takes = "disk is full; make room", 1
    feed = open_feed()

    feed.offer(ready_ones([1, 2, 3, 4]))
    wait_until(lambda: sink.attempts >= 8, "attempts")
    sink.failure = ""
    wait_until(lambda: len(sink.lines) == 4, "the rest")
    finish(feed)

    assert sink.lines == lines(1, 2, 3, 4)
    assert messages(caplog) == [
        ("events wait to be exported", {"sink": "fake", "error": "disk is full; make room"}),
        ("events are exported again", {"sink": "fake", "lost": 0}),
    ]


def test_what_does_not_fit_is_counted(
    open_feed: Callable[..., Feed], sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    """While a sink fails the queue fills; the oldest events stay, and the loss is told."""
    caplog.set_level(logging.WARNING)
    sink.failure = "no"
    feed = open_feed(max_events=3)

    feed.offer(ready_ones([1]))
    wait_until(lambda: feed.counts.errors > 0, "a failure")
    feed.offer(ready_ones([2, 3, 4, 5]))
    sink.failure = ""
    wait_until(lambda: len(sink.lines) == 3, "what was kept")
    finish(feed)

    assert (sink.lines, feed.counts.lost) == (lines(1, 2, 3), 2)
    assert messages(caplog)[-1] == ("events are exported again", {"sink": "fake", "lost": 2})


def test_what_a_place_refuses_for_good_is_lost(
    open_feed: Callable[..., Feed], sink: FakeSink
) -> None:
    """It counts as lost, not as exported, and in nobody's way."""
    feed = open_feed()

    sink.refused = 2
    feed.offer(ready_ones([1, 2, 3]))
    finish(feed)

    assert (feed.counts.written, feed.counts.lost) == (1, 2)


def test_bytes_are_bounded_too(open_feed: Callable[..., Feed], sink: FakeSink) -> None:
    """But one event is always taken, however large."""
    sink.gate.clear()
    feed = open_feed(max_bytes=250)

    feed.offer(ready_ones(range(3), 101))
    alone = Feed(sink, max_events=9, max_bytes=1)
    alone.offer(ready_ones(range(2), 101))

    assert (feed.counts.lost, alone.counts.lost) == (1, 1)


def test_lines_no_sink_can_take_are_left_out(
    open_feed: Callable[..., Feed], sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted, told with their size, and in nobody's way."""
    feed = open_feed()

    feed.offer([ready(1, 2001), ready(2)])
    finish(feed)

    assert (sink.lines, feed.counts.too_large, feed.counts.lost) == (lines(2), 1, 0)
    assert messages(caplog) == [
        ("an event is too large to be exported", {"sink": "fake", "bytes": 2000, "limit": 1000})
    ]


def test_another_reason_is_told_again(
    open_feed: Callable[..., Feed], sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each new reason, however many attempts fail for it."""
    sink.failure = "full"
    feed = open_feed()
    feed.offer([ready(1)])
    wait_until(lambda: sink.attempts > 3, "attempts")
    sink.failure = "read-only"
    reached = sink.attempts + 3
    wait_until(lambda: sink.attempts > reached, "attempts")

    errors = [attrs["error"] for _, attrs in messages(caplog) if isinstance(attrs, dict)]
    assert errors == ["full", "read-only"]


def test_calls_are_made_by_the_sinks_thread(
    open_feed: Callable[..., Feed], sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    """Between writes, never during one; what goes wrong in one is told like a failed write."""
    sink.gate.clear()
    feed = open_feed()
    seen: list[list[bytes]] = []

    def call() -> None:
        seen.append(list(sink.lines))
        raise SinkError("cannot rotate")

    feed.offer([ready(1)])
    feed.call(call)
    feed.offer([ready(2)])
    sink.gate.set()
    wait_until(lambda: len(sink.lines) == 2, "both events")

    assert seen in ([[]], [lines(1)], [lines(1, 2)])
    assert messages(caplog)[0][1] == {"sink": "fake", "error": "cannot rotate"}


def test_calls_do_not_pile_up(open_feed: Callable[..., Feed], sink: FakeSink) -> None:
    """A sink that hangs through many rotations by time is rotated once when it goes on."""
    sink.gate.clear()
    feed = open_feed()
    calls: list[int] = []

    def call() -> None:
        calls.append(1)

    feed.offer([ready(1)])
    wait_until(lambda: sink.is_writing, "the sink to hang")
    for _ in range(100):
        feed.call(call)
    sink.gate.set()
    wait_until(lambda: bool(calls), "the call")
    finish(feed)

    assert calls == [1]


def test_an_error_nobody_foresaw_ends_nothing(
    open_feed: Callable[..., Feed], sink: FakeSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a library raises is one more failure: counted, and tried again."""
    raised: list[int] = []
    write = sink.write

    def fail_once(batch: Sequence[ExportedEvent]) -> None:
        if not raised:
            raised.append(1)
            raise RuntimeError("surprise")
        write(batch)

    monkeypatch.setattr(sink, "write", fail_once)
    feed = open_feed()
    feed.offer([ready(1)])
    wait_until(lambda: sink.lines == lines(1), "the event")

    assert feed.counts.errors == 1


def test_the_end_does_not_wait_for_a_sink_that_fails(
    open_feed: Callable[..., Feed], sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    """One more attempt; what is left then counts as lost, and the log says how much."""
    sink.failure = "full"
    feed = open_feed(retries_s=(600.0,))
    feed.offer(ready_ones([1, 2]))
    wait_until(lambda: feed.counts.errors > 0, "a failure")

    finish(feed)
    feed.abandon()

    assert feed.counts.lost == 2
    assert messages(caplog)[-1][1] == {"sink": "fake", "events": 2}


def test_events_are_gathered(open_feed: Callable[..., Feed], sink: FakeSink) -> None:
    """What comes while events are gathered is written together; the end does not wait for it."""
    feed = open_feed(gather_s=1000.0)

    feed.offer(ready_ones([1]))
    feed.offer(ready_ones([2]))
    finish(feed)

    assert (lines(1, 2), 1) == (sink.lines, sink.attempts)
