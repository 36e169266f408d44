# SPDX-License-Identifier: Apache-2.0
"""Tries every way around a policy about files, and tells which were seen and which were stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel.protected_root import BEFORE, fill, in_root, snapshot, start_waiting
from tetragon_core.hooks import HookMessage
from tetragon_core.policy.parse import parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kernel.policies import PolicyRun

__all__ = ["WAYS", "Result", "try_ways"]

WAYS: Final = (
    *("write", "symlink", "hard-link", "relative", "dots", "proc-fd", "chroot", "bind-mount"),
    *("mount-namespace", "open-tree", "memfd:write", "openat2", "io-uring", "mmap", "truncate"),
    *("open-truncate", "fallocate", "sendfile", "splice", "copy-file-range", "rename-over"),
    *("rename-away", "exchange", "bind-over", "move-mount-over", "unlink", "create", "mkdir"),
    *("mknod", "symlink-into", "link-into", "tmpfile-linkat", "chmod", "chown", "utimes"),
    *("setxattr", "write-before", "ftruncate-before", "fallocate-before", "sendfile-before"),
    *("splice-before", "copy-before", "mmap-before", "mprotect-before", "mapped-before"),
)
_RECORDS: Final = 1024


class Result(NamedTuple):
    """What came of one way."""

    seen: bool
    stopped: bool


def _hits(run: PolicyRun) -> Iterator[HookMessage]:
    """All that there are."""
    while messages := run.sensor.drain(_RECORDS):
        yield from (one for one in messages if isinstance(one, HookMessage))


def try_ways(run: PolicyRun, workload: Path, texts: Sequence[str]) -> dict[str, Result]:
    """Every way, while these policies are loaded."""
    found = {}
    loaded = []
    with in_root(workload):
        for way in WAYS:
            fill(way)
        waiting = {way: start_waiting(way) for way in WAYS if way.endswith(BEFORE)}
        try:
            loaded = [
                run.engine.load(replace(parse_policy(text, "policy"), namespace=""))
                for text in texts
            ]
            for way in WAYS:
                before = snapshot(way)
                list(_hits(run))
                (waiting.get(way) or start_waiting(way)).go()
                seen = any(True for _ in _hits(run))
                found[way] = Result(seen, before == snapshot(way))
        finally:
            for policy in loaded:
                policy.close()
    return found
