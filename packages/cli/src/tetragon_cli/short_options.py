# SPDX-License-Identifier: Apache-2.0
"""`-o=json`: Tetragon's client takes a `=` between a letter and its value, click does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["joined"]

_LETTER: Final = re.compile(r"-[A-Za-z]=")


def joined(words: Sequence[str]) -> list[str]:
    """The words with `-o=json` as `-ojson`, up to `--`.

    A value that itself looks so has to be given as `--option=-x=y`.
    """
    end = words.index("--") if "--" in words else len(words)
    return [_joined(word) for word in words[:end]] + list(words[end:])


def _joined(word: str) -> str:
    # An empty value stays as it is: click has no way to write it in one word.
    is_joined = _LETTER.match(word) and len(word) > len("-o=")
    return word[:2] + word[3:] if is_joined else word
