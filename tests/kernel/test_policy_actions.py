# SPDX-License-Identifier: Apache-2.0
"""What a selector asks for when it wins: events or none, how often, stack traces."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from kernel.policies import policy_engine, start
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.policies import PolicyRun
    from tetragon_core.hooks import HookMessage

POST, TRACK_SOCK, UNTRACK_SOCK = 1, 11, 12


@pytest.fixture(scope="module")
def run() -> Iterator[PolicyRun]:
    """One engine for all tests."""
    with policy_engine() as engine:
        yield engine


def policy(actions: str, offsets: str = "'1000:2000'") -> str:
    """Calls of lseek to some offsets."""
    return f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: actions}}
spec:
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_lseek
    args: [{{index: 6, type: int64}}]
    selectors:
    - matchArgs: [{{index: 6, operator: InRange, values: [{offsets}]}}]
      matchActions: [{actions}]
"""


def seek(*offsets: int) -> None:
    """Hit the hook."""
    fd = os.open("/proc/self/exe", os.O_RDONLY)
    for offset in offsets:
        os.lseek(fd, offset, os.SEEK_SET)
    os.close(fd)


def values(hits: list[HookMessage]) -> list[object]:
    """First argument of each."""
    return [hit.arguments[0].value for hit in hits]


def test_no_post(run: PolicyRun) -> None:
    """NoPost makes no event, and later selectors are not tried."""
    text = policy("{action: NoPost}") + "    - {}\n"

    hits = run.hits(text, lambda: seek(1000, 2500))

    assert [2500] == [value for value in values(hits) if value in {1000, 2500}]


def test_number_of_the_action(run: PolicyRun) -> None:
    """An event names the action as the API numbers it."""
    hits = run.hits(policy("{action: Post}"), lambda: seek(1000))

    assert [POST] == [hit.action for hit in hits]


def test_the_same_event_is_held_back(run: PolicyRun) -> None:
    """Within the time of rateLimit an event with the same arguments is posted once."""
    hits = run.hits(policy("{action: Post, rateLimit: 5m}"), lambda: seek(*[1000, 1001] * 50))

    assert [1000, 1001] == values(hits)


def test_events_after_the_time(run: PolicyRun) -> None:
    """When the time is over the event is posted again."""

    def seek_for_2500_ms() -> None:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            seek(1000)

    hits = run.hits(policy("{action: Post, rateLimit: 1s}"), seek_for_2500_ms)

    assert 3 == len(hits)


@pytest.mark.parametrize(("scope", "wanted"), [("thread", 4), ("process", 2), ("global", 1)])
def test_scopes(run: PolicyRun, scope: str, wanted: int) -> None:
    """Each thread, each process, or all together have the rate."""

    def seek_in_two_threads() -> None:
        seek(1000)
        thread = threading.Thread(target=seek, args=(1000,))
        thread.start()
        thread.join()

    def in_two_processes() -> None:
        pid = start(seek_in_two_threads)
        os.waitpid(pid, 0)
        seek_in_two_threads()

    with run.loaded(policy(f"{{action: Post, rateLimit: 5m, rateLimitScope: {scope}}}")):
        hits = run.hits_until_exit(start(in_two_processes), of_all=True)

    assert wanted == len(hits)


def test_rate_of_texts(run: PolicyRun) -> None:
    """The first forty bytes of a text tell events apart."""
    text = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: texts}
spec:
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_chdir
    args: [{index: 5, type: string}]
    selectors:
    - matchActions: [{action: Post, rateLimit: 1h, rateLimitScope: process}]
"""

    def change() -> None:
        for _ in range(3):
            for name in ("/", "/tmp", "/proc", "/" + "./" * 30, "/" + "./" * 31):
                os.chdir(name)

    hits = run.hits(text, change)

    assert ["/", "/tmp", "/proc", "/" + "./" * 30] == [hit.arguments[0].value for hit in hits]


def test_stack_traces(run: PolicyRun) -> None:
    """Frames have the names of functions: of the kernel, and of the files a process has mapped."""
    text = policy("{action: Post, kernelStackTrace: true, userStackTrace: true}")
    reader, writer = os.pipe()

    def seek_and_wait() -> None:
        os.close(writer)
        seek(1000)
        os.read(reader, 1)

    with run.loaded(text):
        pid = start(seek_and_wait)
        hits = run.wait_hits(pid, 1)
        os.close(writer)
        run.hits_until_exit(pid)
    os.close(reader)
    inner = hits[0].user_stack[0]

    assert hits[0].kernel_stack
    assert {True} == {frame.symbol != "" for frame in hits[0].kernel_stack}
    assert inner.symbol.removeprefix("__").startswith("lseek")
    assert "/libc" in inner.module
    assert inner.address > inner.offset > 0


CONNECTIONS = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: connections}}
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
    args: [{{index: 0, type: sock}}]
    selectors:
    - matchArgs: [{{index: 0, operator: DPort, values: ["{port}"]}}]
      matchActions: [{{action: TrackSock, argSock: 0}}]
  - call: tcp_sendmsg
    syscall: false
    args: [{{index: 0, type: sock}}, {{index: 2, type: int}}]
    selectors:
    - matchArgs:
      - {{index: 0, operator: DPort, values: ["{port}"]}}
      - {{index: 2, operator: Equal, values: ["1"]}}
    - matchArgs:
      - {{index: 0, operator: DPort, values: ["{port}"]}}
      - {{index: 2, operator: Equal, values: ["2"]}}
      matchActions: [{{action: UntrackSock, argSock: 0}}]
"""


def test_tracked_sockets(run: PolicyRun) -> None:
    """What another process does with a tracked socket is reported of the one that tracked it."""
    abilities = run.engine.kernel.abilities
    if not abilities.can_fentry and not abilities.can_kprobe:
        with pytest.raises(PolicyError, match="no way to attach"):
            run.hits(CONNECTIONS.format(port=1), lambda: None)
        return
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def connect_and_let_a_child_send() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            os.waitpid(start(lambda: [connection.send(text) for text in (b"1", b"22", b"1")]), 0)

    with run.loaded(CONNECTIONS.format(port=port)):
        pid = start(connect_and_let_a_child_send)
        hits = run.hits_until_exit(pid, of_all=True)
    listener.close()

    assert [
        ("tcp_connect", TRACK_SOCK, True),
        ("tcp_sendmsg", POST, True),
        ("tcp_sendmsg", UNTRACK_SOCK, True),
        ("tcp_sendmsg", POST, False),
    ] == [(hit.info.function_name, hit.action, hit.process.tgid == pid) for hit in hits]
