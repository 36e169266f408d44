# SPDX-License-Identifier: Apache-2.0
"""What all parts of a policy's model have: a place in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOWHERE", "Node", "Text", "Where"]


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a policy file; line and column count from 1."""

    path: str
    """YAML path, such as `spec.kprobes[0].args[1].type`."""
    line: int = 0
    column: int = 0


NOWHERE = Where("")


@dataclass(frozen=True, slots=True)
class Text:
    """One scalar value as it was written."""

    value: str
    where: Where = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What all parts of a policy have."""

    where: Where = field(default=NOWHERE, compare=False, repr=False)
    places: Mapping[str, Where] = field(default_factory=dict, compare=False, repr=False)
    """Where each field stands that was written, by the attribute's name; `name[i]` for items."""

    def at(self, name: str, index: int | None = None) -> Where:
        """Where a field, or one of its items, stands; the whole node if that was not written."""
        item = None if index is None else self.places.get(f"{name}[{index}]")
        return item or self.places.get(name) or self.where
