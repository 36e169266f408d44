# SPDX-License-Identifier: Apache-2.0
"""GetInfo: what the agent says of itself, and what this kernel can do, tried when first asked."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from google.protobuf.message import Message

    from .answers import Answers

    # What a request is depends on the rpc.
    Answer = Callable[[Any], Awaitable[Message]]
    Probe = Callable[[], Mapping[str, bool]]
    RunElsewhere = Callable[[Probe], Awaitable[Mapping[str, bool]]]

__all__ = ["InfoRpc"]

_log = logging.getLogger(__name__)


class InfoRpc:
    """Answers with what `probe` finds, once; trials take tenths of a second, so not in the loop."""

    def __init__(self, answers: Answers, probe: Probe, run: RunElsewhere) -> None:
        """`run` calls it where nothing else reads the kernel's types."""
        self._answers = answers
        self._probe = probe
        self._run = run
        self._found: Mapping[str, bool] | None = None
        self._probing = asyncio.Lock()

    def answers(self) -> Mapping[str, Answer]:
        """Rpc name → request to reply."""
        return {"GetInfo": self._info}

    async def _info(self, _: Any) -> Message:  # noqa: ANN401  # an empty request
        async with self._probing:
            if self._found is None:
                self._found = await self._try_all()
        return self._answers.info(self._found)

    async def _try_all(self) -> Mapping[str, bool]:
        try:
            return await self._run(self._probe)
        except TetragonError as error:
            _log.warning("kernel features not known", extra={"attrs": {"error": error}})
            return {}
