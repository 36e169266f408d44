# SPDX-License-Identifier: Apache-2.0
"""Features of the kernel are tried when somebody asks, once, and never in the way of an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tetragon import sensors_pb2 as pb
from tetragon_core.errors import LoadError
from tetragon_core.stats import Stats
from tetragon_server.answers import Answers
from tetragon_server.kernel_features import InfoRpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def asked(probe: Callable[[], Mapping[str, bool]], times: int) -> list[dict[str, bool]]:
    """What so many requests at once are told."""

    async def run(call: Callable[[], Any]) -> Any:
        await asyncio.sleep(0)
        return call()

    async def ask() -> Any:
        rpc = InfoRpc(Answers(dict, Stats(), {"btf": True}), probe, run)
        answer = rpc.answers()["GetInfo"]
        return await asyncio.gather(*(answer(pb.GetInfoRequest()) for _ in range(times)))

    return [{one.Name: one.Enabled.value for one in info.probes} for info in asyncio.run(ask())]


def test_features_are_tried_once() -> None:
    """However many ask at the same time; all are told."""
    tried = []

    def probe() -> dict[str, bool]:
        tried.append(1)
        return {"lsm": True, "fentry": False}

    seen = asked(probe, 5)

    assert [{"btf": True, "lsm": True, "fentry": False}] * 5 == seen
    assert [1] == tried


def test_an_answer_without_features() -> None:
    """What cannot be tried leaves the rest of the answer as it is."""

    def probe() -> dict[str, bool]:
        raise LoadError("no libbpf")

    assert [{"btf": True}] == asked(probe, 1)
