# SPDX-License-Identifier: Apache-2.0
"""What a watch does when the API server, or the way to it, is at fault."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest

from k8s.fake_api import FakeApi
from k8s.watched import FAST, running, some_pod, watching
from tetragon_core.errors import UsageError
from tetragon_k8s.cluster.access import open_api
from tetragon_k8s.cluster.api import Api
from tetragon_k8s.cluster.connection import Connection
from tetragon_k8s.cluster.errors import RefusedError, TooLargeError, UnreachableError
from tetragon_k8s.cluster.lines import LineCutter
from tetragon_k8s.cluster.resources import PODS
from tetragon_k8s.cluster.watching import Pace, Watch, Watcher, pause_s

if TYPE_CHECKING:
    from pathlib import Path


def test_a_connection_on_which_nothing_comes(tmp_path: Path) -> None:
    """A silent connection is taken for dead; what came meanwhile is told on the next one."""

    async def follow() -> tuple[list[tuple[str, str]], int]:
        fake = FakeApi(tmp_path)
        await fake.start()
        pace = Pace(first_s=0.01, most_s=0.1, silence_s=0.1)
        fake.is_silent = True
        async with running(fake, pace) as (watch, seen):
            await seen.until(lambda: watch.tally.watches == 1)
            await fake.put(some_pod("unheard"))
            fake.is_silent = False
            await seen.has(("changed", "unheard"))
            told, failures = seen.told, watch.tally.failures
        await fake.stop()
        return told, failures

    assert ([("synced", ""), ("changed", "unheard")], 0) == asyncio.run(follow())


def test_objects_that_are_none(tmp_path: Path) -> None:
    """Lines with what is no pod are counted, and the watch goes on."""

    async def follow() -> int:
        fake = FakeApi(tmp_path)
        await fake.start()
        strange = [{"metadata": 7}, {"metadata": {}}, {}]
        lines = [{"type": "ADDED", "object": one} for one in strange]
        fake.lines = [json.dumps(line).encode() + b"\n" for line in lines]
        async with running(fake) as (watch, seen):
            await seen.until(lambda: watch.tally.changes == len(strange))
            await fake.put(some_pod("good"))
            await seen.has(("changed", "good"))
            unreadable = watch.tally.unreadable
        await fake.stop()
        return unreadable

    assert 3 <= asyncio.run(follow())


def test_what_raises_does_not_end_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A watcher that cannot read an object is told the next one; it is counted and logged."""

    async def follow() -> int:
        fake = FakeApi(tmp_path)
        await fake.start()
        await fake.put(some_pod("bad"))
        api = open_api(fake.kubeconfig())

        def changed(one: object) -> None:
            raise ValueError(one)

        watch = Watch(api, PODS, Watcher(changed, lambda *_: None))
        await watch.sync()
        await api.close()
        await fake.stop()
        return watch.tally.unreadable

    with caplog.at_level(logging.ERROR):
        unreadable = asyncio.run(follow())

    assert (1, 1) == (unreadable, len(caplog.records))


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"[]\n",
        b'{"type": "ADDED"}\n',
        b'{"type": "ADDED", "object": ' + b"[" * 5000 + b"\n",
        b'{"type": "ADDED", "object": {"a": "\\udc00"}}\n',
    ],
    ids=["text", "list", "nothing", "deep", "surrogate"],
)
def test_lines_that_are_no_changes(tmp_path: Path, line: bytes) -> None:
    """A line that is no change is counted, and the watch goes on with the next."""

    async def follow() -> tuple[int, int]:
        fake = FakeApi(tmp_path)
        await fake.start()
        fake.lines = [line]
        short = Pace(first_s=0.01, most_s=0.1, lasts_s=1)
        async with running(fake, short) as (watch, seen):
            await seen.until(lambda: watch.tally.watches == 1)
            await fake.put(some_pod("next"))
            await seen.has(("changed", "next"))
            await seen.until(lambda: watch.tally.watches == 2)
            counted = watch.tally.failures, watch.tally.unreadable
        await fake.stop()
        return counted

    assert (0, 1) == asyncio.run(follow())


def test_an_outage_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However often the server is tried: one line when it is gone, and one when it is back."""

    async def follow() -> None:
        fake = FakeApi(tmp_path)
        await fake.start()
        async with running(fake) as (watch, seen):
            await seen.has(("synced", ""))
            await fake.stop()
            await seen.until(lambda: watch.tally.failures > 3)
            await fake.start()
            await fake.put(some_pod("new"))
            await seen.has(("changed", "new"))
        await fake.stop()

    with caplog.at_level(logging.INFO, "tetragon_k8s"):
        asyncio.run(follow())

    levels = [record.levelno for record in caplog.records]
    assert [logging.WARNING, logging.INFO] == levels


def test_a_server_that_is_busy(tmp_path: Path) -> None:
    """What the server says in Retry-After is known to who waits, and bounded by nobody else."""

    async def ask() -> float:
        fake = FakeApi(tmp_path)
        await fake.start()
        fake.answers = [(429, {"Retry-After": "7"}, b"busy")]
        async with watching(fake) as (watch, _):
            with pytest.raises(RefusedError) as refused:
                await watch.sync()
        await fake.stop()
        return refused.value.retry_after_s

    assert 7.0 == asyncio.run(ask())


def test_an_answer_without_end(tmp_path: Path) -> None:
    """A list of more bytes than are read is refused; the next list has smaller pages."""

    async def ask() -> tuple[str, str]:
        fake = FakeApi(tmp_path)
        await fake.start()
        await fake.put(some_pod("large", "x" * 2000))
        opened = open_api(fake.kubeconfig())
        api = Api(opened._client, max_answer=1000)
        watch = Watch(api, PODS, Watcher(lambda _: None, lambda *_: None))
        for _ in range(2):
            with pytest.raises(TooLargeError):
                await watch.sync()
        await opened.close()
        await fake.stop()
        first, second = fake.requests
        return first["limit"], second["limit"]

    assert ("250", "50") == asyncio.run(ask())


def test_pauses_double_up_to_a_limit() -> None:
    """The pause grows with the failures, at most to its limit, and is never the whole of it."""
    pace = Pace(first_s=1.0, most_s=8.0)

    pauses = [pause_s(pace, failures) for failures in (1, 2, 3, 4, 5, 1000)]

    limits = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert all(limit / 2 <= one <= limit for one, limit in zip(pauses, limits, strict=True))


def test_a_token_that_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod, the token is read again when the server does not take the old one any more."""

    async def follow() -> list[str]:
        fake = FakeApi(tmp_path)
        await fake.start()
        fake.tokens = {"first"}
        (tmp_path / "token").write_text("first")
        (tmp_path / "namespace").write_text("default")
        (tmp_path / "ca.crt").write_text("")
        api = open_api("", tmp_path)
        api._client.base_url = f"http://127.0.0.1:{fake._port}"  # without TLS
        names = []
        for token in ("first", "second"):
            fake.tokens = {token}
            (tmp_path / "token").write_text(token)
            await fake.put(some_pod(token))
            page = await api.list_page(PODS, limit=9)
            names = [one["metadata"]["name"] for one in page.items]
        await api.close()
        await fake.stop()
        return names

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", lambda *_, **__: None)

    assert ["first", "second"] == asyncio.run(follow())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "a: b", "clusters: 7\ncontexts: []", "{", "\0", "current-context: x"],
)
def test_files_that_are_no_kubeconfig(tmp_path: Path, text: str) -> None:
    """Whatever is in the file, the message names it in one line."""
    path = tmp_path / "config"
    path.write_text(text)

    with pytest.raises(UsageError) as refused:
        open_api(str(path))

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pod's environment the message says which option names a file."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(UsageError, match="--k8s-kubeconfig-path"):
        open_api("")


def test_a_server_that_is_not_there_at_the_start(tmp_path: Path) -> None:
    """It is tried as often as wanted; then the message names the option."""

    async def connect(attempts: int) -> str:
        fake = FakeApi(tmp_path)
        await fake.start()
        await fake.stop()
        api = open_api(fake.kubeconfig())
        try:
            await Connection(api, attempts=attempts, pace=FAST).start()
        except UnreachableError as error:
            return str(error)
        finally:
            await api.close()
        return ""

    assert "tried 3 times (--k8s-controlplane-retry" in asyncio.run(connect(3))
    assert "" == asyncio.run(connect(-1))


def test_lines_are_cut_wherever_chunks_end() -> None:
    """Any chunks give the same lines; one that is too long is left out and counted."""
    cutter = LineCutter(max_line=4)

    lines = [line for chunk in (b"a", b"b\nc", b"\n\nlong", b"er\nd\n", b"e") for line in
             cutter.feed(chunk)]  # fmt: skip

    assert ([b"ab", b"c", b"d"], 1) == (lines, cutter.left_out)
