# SPDX-License-Identifier: Apache-2.0
"""The metrics as Prometheus' text, made in slices so that the event loop goes on meanwhile.

Imports prometheus_client, which takes 0.1 s and 4 MB: only agents that serve metrics have it.
Only the text format (0.0.4): in OpenMetrics some of Tetragon's names are not allowed to be.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.samples import Sample as ClientSample

from tetragon_core.errors import TetragonError

from .catalog import FAMILIES
from .scrape import Scrape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .family import Family, Sample
    from .scrape import Sources

__all__ = ["CONTENT_TYPE", "Page"]

_log = logging.getLogger(__name__)

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_LINES: Final = 100
"""Of one slice, about: a millisecond."""
_TOTAL: Final = "_total"
_HEAD_LINES: Final = 2


class _One:
    """A collector of one metric."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        """The metric."""
        return (self._metric,)


class Page:
    """Makes the text, as often as somebody asks."""

    def __init__(self, sources: Sources, families: Sequence[Family] = FAMILIES) -> None:
        self._sources = sources
        self._families = families
        self._own = ProcessCollector(registry=None)
        self._unreadable: dict[str, int] = {}
        """How often a metric could not be read."""

    async def text(self) -> bytes:
        """The whole page. Others have their turn between any two slices."""
        parts: list[bytes] = []
        scrape = Scrape(self._sources, unreadable=sum(self._unreadable.values()))
        lines = 0
        for family in self._families:
            for part in self._parts(family, scrape):
                parts.append(part)
                lines += part.count(b"\n")
                if lines >= _LINES:
                    lines = 0
                    # A busy agent takes 10 ms for its turn, so there must not be one per metric.
                    await asyncio.sleep(0)
        parts.append(generate_latest(self._own))
        return b"".join(parts)

    def _parts(self, family: Family, scrape: Scrape) -> Iterator[bytes]:
        """Pieces of one metric's text; nothing if it has no series, as in Tetragon."""
        try:
            samples = iter(family.read(scrape))
            is_first = True
            while some := list(islice(samples, _LINES)):
                yield _text(family, some, with_head=is_first)
                is_first = False
        except (TetragonError, OSError) as error:
            self._note_unreadable(family.name, error)

    def _note_unreadable(self, name: str, error: Exception) -> None:
        if name not in self._unreadable:
            attrs = {"metric": name, "error": str(error)}
            _log.warning("a metric could not be read", extra={"attrs": attrs})
        self._unreadable[name] = self._unreadable.get(name, 0) + 1


def _text(family: Family, samples: Iterable[Sample], *, with_head: bool) -> bytes:
    """These series; before the first ones of a metric come its meaning and its type."""
    is_plain = family.kind == "counter" and not family.name.endswith(_TOTAL)
    # The client lets no counter be without `_total`; a metric of no type has the name it is given.
    name = family.name.removesuffix(_TOTAL) if family.kind == "counter" else family.name
    metric = Metric(name, family.text, "unknown" if is_plain else family.kind)
    metric.samples = [
        ClientSample(family.name, dict(zip(family.labels, values, strict=True)), value)
        for values, value in samples
    ]
    text = generate_latest(_One(metric))
    if not with_head:
        return text.split(b"\n", _HEAD_LINES)[_HEAD_LINES]
    return text.replace(b" untyped\n", b" counter\n", 1) if is_plain else text
