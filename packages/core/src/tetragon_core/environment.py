# SPDX-License-Identifier: Apache-2.0
"""The environment a program was started with. It belongs to the exec event, not to the process.

So it leaves memory with the event, and neither later events nor descendants show it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from .arguments import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .process import Image
    from .redaction import Redaction

__all__ = ["ENVIRONMENT_BYTES", "Environment"]

ENVIRONMENT_BYTES: Final = 131_072
"""What is kept of one at most; in exec records, together with the arguments."""
_NO_NAME: Final = "invalid"
"""Tetragon's name for a text without `=`."""


class Environment:
    """Nothing is worked out before somebody reads it."""

    def __init__(
        self,
        memory: bytes,
        image: Image,
        names: frozenset[str] | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        """`memory` as it lies in the process. `names`: the only variables to show; None: all."""
        self._memory = memory
        self._image = image
        self._names = names
        self._redaction = redaction

    @property
    def text_bytes(self) -> int:
        """About what keeping it takes."""
        return 2 * len(self._memory)

    @cached_property
    def variables(self) -> Sequence[tuple[str, str]]:
        """Name and value of each, in their order; first the names are chosen, then secrets go."""
        return [_variable(self._redacted(text)) for text in self._chosen()]

    def _chosen(self) -> Iterator[str]:
        if not self._memory:
            return
        for raw in self._memory.removesuffix(b"\0").split(b"\0"):
            text = decode_text(raw)
            if self._names is None or text.partition("=")[0] in self._names:
                yield text

    def _redacted(self, text: str) -> str:
        return text if self._redaction is None else self._redaction(self._image.binary, text).text


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    return (name, value) if equals else (_NO_NAME, text)
