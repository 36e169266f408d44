# SPDX-License-Identifier: Apache-2.0
"""What tells the agent of containers and pods while it runs: opened here, by the settings.

With `agent.py` the only module that knows tetragon_k8s. One row of OPENERS for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tetragon_core.stats import Stats
    from tetragon_core.workloads.announcement import Announcement
    from tetragon_core.workloads.table import WorkloadTable

    from .config import AgentConfig
    from .policies.assembly import Policies

    Opener = Callable[["Place"], Iterable["Surrounding"]]

__all__ = ["OPENERS", "Place", "Surrounding", "open_surroundings"]


class Surrounding(Protocol):
    """Tells WorkloadTable, or the policies, of something outside of the agent."""

    async def start(self) -> None:
        """Begin, before the first cgroup and process are known; what takes long goes on in tasks.

        Raises TetragonError when the agent cannot run without it.
        """

    async def close(self) -> None:
        """End, and leave nothing behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a surrounding may need of the agent."""

    config: AgentConfig
    table: WorkloadTable
    stats: Stats
    node_name: str
    policies: Policies
    announce: Callable[[Announcement], None]
    """For containers that are about to start; raises TetragonError."""


def _nri(place: Place) -> Iterable[Surrounding]:
    if place.config.enable_nri:
        from tetragon_k8s.nri.plugin import NriPlugin  # noqa: PLC0415  # only if wanted

        yield NriPlugin(place.config.nri_socket, place.announce)


OPENERS: Final[Sequence[Opener]] = (_nri,)
"""Each looks at the settings and imports its part only if that is wanted."""


def open_surroundings(place: Place) -> Sequence[Surrounding]:
    """Those the settings want, not started. Raises TetragonError."""
    return [one for opener in OPENERS for one in opener(place)]
