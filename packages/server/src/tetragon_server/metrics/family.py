# SPDX-License-Identifier: Apache-2.0
"""What a metric of the agent is: one row with its name, labels, meaning and where it is read.

The page, the documents and the tests are all made from these rows. Nothing is written as text here.
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .scrape import Scrape

    Sample = tuple[tuple[str, ...], float]
    """Values of the labels, and the value."""

__all__ = ["OWN_PREFIX", "Absent", "Family", "summed"]

OWN_PREFIX: Final = "tetragon_mini_"
"""Of metrics that Tetragon does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All series of one name."""

    name: str
    """To the letter: a counter's ends with `_total` only if Tetragon's does."""
    kind: Literal["counter", "gauge"]
    text: str
    labels: tuple[str, ...] = ()
    read: Callable[[Scrape], Iterable[Sample]]
    """Every series with its labels at most once; see summed()."""
    differs: str = ""
    """In what its values are others than Tetragon's; empty: in nothing."""

    @property
    def is_ours(self) -> bool:
        """Tetragon has no such metric."""
        return self.name.startswith(OWN_PREFIX)


@dataclass(frozen=True, slots=True)
class Absent:
    """A metric of Tetragon that is not here."""

    name: str
    reason: str


def summed(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Each set of labels once: what policies in several domains share does not tell them apart."""
    totals: Tally[tuple[str, ...]] = Tally()
    for labels, value in samples:
        totals[labels] += value  # type: ignore[assignment]  # seconds add up as well
    return iter(totals.items())
