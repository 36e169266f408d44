# SPDX-License-Identifier: Apache-2.0
"""What is pinned beside a policy that enforces, so that the next agent can go on with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tetragon_core import __version__
from tetragon_core.errors import TetragonError

from .entry import PolicyKey

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeepRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRecord:
    """One policy, as JSON in the kernel; what is not known to a version of the agent it ignores."""

    key: PolicyKey
    text: str
    """YAML."""
    source: str = ""
    """Its file; empty for one that came over gRPC."""
    mode_option: str = ""
    """`policy-mode` as its author wrote it; empty if not at all."""
    since_ns: int = 0
    """Since when it enforces without a gap, on the wall clock."""
    earlier: Mapping[str, int] = field(default_factory=dict)
    """Counters of those whose place it has taken."""
    replaces: tuple[str, ...] = ()
    """Their names: what is pinned under one of these is in `earlier` already."""

    def packed(self) -> bytes:
        """As bytes."""
        value = {
            "agent": __version__,
            "name": self.key.name,
            "namespace": self.key.namespace,
            "domain": self.key.domain,
            "source": self.source,
            "mode_option": self.mode_option,
            "since_ns": self.since_ns,
            "earlier": dict(self.earlier),
            "replaces": list(self.replaces),
            "text": self.text,
        }
        return json.dumps(value).encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> KeepRecord:
        """From bytes. Raises TetragonError when they are no record."""
        try:
            value = json.loads(packed)
            names = ("name", "namespace", "domain")
            return cls(
                key=PolicyKey(*(str(value[name]) for name in names)),
                text=str(value["text"]),
                source=str(value["source"]),
                mode_option=str(value["mode_option"]),
                since_ns=int(value["since_ns"]),
                earlier={str(name): int(number) for name, number in value["earlier"].items()},
                replaces=tuple(map(str, value["replaces"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TetragonError(f"it is no record of a policy: {error!r}") from error
