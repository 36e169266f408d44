# SPDX-License-Identifier: Apache-2.0
"""What a selector asks for when it wins: events or none, how often, stack traces."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from kernel.policies import start

if TYPE_CHECKING:
    from kernel.policies import PolicyRun
    from tetragon_core.hooks import HookMessage

POST = 1


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


FORKS = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: forks}
spec:
  tracepoints:
  - subsystem: task
    event: task_newtask
    args: []
    selectors:
    - matchActions: [{action: Post, kernelStackTrace: true, userStackTrace: true}]
"""


def test_stack_traces(run: PolicyRun) -> None:
    """Frames have the names of functions: of the kernel, and of the files a process has mapped."""
    reader, writer = os.pipe()

    def fork_and_wait() -> None:
        os.close(writer)
        os.waitpid(start(lambda: None), 0)
        os.read(reader, 1)

    with run.loaded(FORKS):
        pid = start(fork_and_wait)
        hit, *_ = run.wait_hits(pid, 1)
        os.close(writer)
        run.hits_until_exit(pid)
    os.close(reader)
    kernel, user = hit.kernel_stack, hit.user_stack[0]

    assert {True} == {frame.symbol != "" for frame in kernel}
    assert "kernel_clone" in [frame.symbol for frame in kernel]
    assert "fork" in user.symbol.lower()
    assert "libc" in user.module
    assert user.address > user.offset > 0


RETURNING = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: returning}}
spec:
  kprobes:
  - call: sys_lseek
    syscall: true
    return: true
    args: [{{index: 1, type: int64}}]
    returnArg: {{index: 0, type: int}}
    selectors:
    - matchArgs: [{{index: 1, operator: Equal, values: ["1000"]}}]
      matchReturnActions: [{{action: {action}}}]
"""


@pytest.mark.parametrize(("action", "wanted"), [("Post", [(POST, POST)]), ("NoPost", [])])
def test_actions_at_the_return(run: PolicyRun, action: str, wanted: list[tuple[int, int]]) -> None:
    """MatchReturnActions decide about the event when the function has returned."""
    hits = run.hits(RETURNING.format(action=action), lambda: seek(1000))

    assert wanted == [(hit.action, hit.return_action) for hit in hits]
