# SPDX-License-Identifier: Apache-2.0
"""Policies on USDT probes, and processes that pass them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tetragon_core.hooks import HookMessage

__all__ = ["execute", "policy", "values", "waiting", "where"]


def policy(path: Path | str, probe: str, *types: str, more: str = "", head: str = "") -> str:
    """One hook; the probe's arguments from 0 have these types, `INDEX TYPE` another index."""
    provider, _, name = probe.rpartition(":")
    arguments = ", ".join(
        f"{{index: {number}, type: {one}}}" if " " not in one else f"{{index: {one}}}"
        for number, one in enumerate(types)
    )
    return f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: usdts}}
spec:
  usdts:
  - path: {path}
    provider: {provider or "test"}
    name: {name}
    args: [{arguments}]
    {head}
    {more}
"""


def where(index: int, operator: str, *values: object) -> str:
    """Selectors with one filter."""
    texts = ", ".join(f'"{one}"' for one in values)
    return (
        f"selectors: [{{matchArgs: [{{index: {index}, operator: {operator}, values: [{texts}]}}]}}]"
    )


def execute(*command: Path | str, output: Path | str = os.devnull) -> Callable[[], object]:
    """Becoming this program, which prints into a file."""

    def action() -> None:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        os.execv(command[0], [str(one) for one in command])

    return action


@contextmanager
def waiting(*command: Path | str) -> Iterator[tuple[int, Callable[[], object]]]:
    """A process that runs this program and is ready; its pid, and what lets it go on."""
    stdin, go = os.pipe()
    ready, stdout = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
    pid = os.posix_spawn(command[0], [str(one) for one in command], {}, file_actions=actions)
    os.close(stdin)
    os.close(stdout)
    assert os.read(ready, 6) == b"ready\n"
    try:
        yield pid, lambda: os.write(go, b"!")
    finally:
        os.close(go)
        os.close(ready)


def values(hits: list[HookMessage]) -> list[list[object]]:
    """Of all arguments of each."""
    return [[one.value for one in hit.arguments] for hit in hits]
