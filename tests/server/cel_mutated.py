# SPDX-License-Identifier: Apache-2.0
"""Expressions with one or two words taken out, put in, replaced or swapped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

__all__ = ["mutated_expressions"]

_WORD = re.compile(r"\s+|[A-Za-z_]\w*|\d+u?|'[^']*'|\S")
_DIFFERENT = re.compile(r"(?<!\d)\.0 ?/|\bdyn\b(?! *\()|duration\(\d|^ *process_exec\.\w+\.in_init")
"""What the two libraries are known to treat differently: see test_cel_differences.py."""


def mutated_expressions(texts: Sequence[str], random: Random, count: int) -> Iterator[str]:
    """Make expressions from those given; the same seed makes the same ones."""
    words = [_WORD.findall(text) for text in texts]
    pool = [word for one in words for word in one]
    for _ in range(count):
        one = list(random.choice(words))
        for _ in range(random.randint(1, 2)):
            _mutate(one, pool, random)
        text = "".join(one)
        if not _DIFFERENT.search(text):
            yield text


def _mutate(words: list[str], pool: list[str], random: Random) -> None:
    if not words:
        return
    place, other = random.randrange(len(words)), random.randrange(len(words))
    match random.randrange(4):
        case 0:
            del words[place]
        case 1:
            words.insert(place, random.choice(pool))
        case 2:
            words[place] = random.choice(pool)
        case _:
            words[place], words[other] = words[other], words[place]
