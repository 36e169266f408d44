# SPDX-License-Identifier: Apache-2.0
"""What is known about a policy: what it has to report, what it must not, or why it is refused."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from tetragon_sensors.kernel.facts import Kernel

    from .values import Hit

__all__ = ["Case", "Refused", "in_turn"]


def _nothing() -> None:
    """Do nothing."""


def in_turn(*actions: Callable[[], object]) -> Callable[[], None]:
    """One action of several."""

    def act() -> None:
        for action in actions:
            action()

    return act


def _never(kernel: Kernel) -> str:
    del kernel
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A policy that works. `act` and `miss` run in a child whose first free descriptor is 3."""

    policy: str
    """Below tests/data/policies, without `.yaml`."""
    act: Callable[[], object]
    expected: Sequence[Hit] | Callable[[], Sequence[Hit]]
    """All its hits, in their order; a function is called in the test, once all is prepared."""
    miss: Callable[[], object] = _nothing
    """Something very like `act`, of which there must be no hit."""
    prepare: Callable[[], AbstractContextManager[object]] = nullcontext
    """What has to be there while the policy is loaded."""
    of: frozenset[str] = frozenset()
    """Compare the hits at these functions only; empty: all."""
    anywhere: frozenset[str] = frozenset()
    """Functions that handle packets, whichever process runs at that moment."""
    late: frozenset[str] = frozenset()
    """Functions that the kernel calls when it gets to it: their hits count as the last ones."""
    floods: bool = False
    """All of the machine hits it, so that some hits may be lost."""
    some: bool = False
    """The expected hits are among others, which nobody can know."""
    repeated: bool = False
    """The expected hits come any number of times, in the order of their first one."""
    values: Callable[[], dict[str, str]] = dict
    """Values in the policy's text that depend on the machine, and what they are here."""
    refused: Callable[[Kernel], str] = _never
    """Why this kernel cannot have it (a pattern); empty: it can, if it has all the functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A policy that this version does not take, on any kernel."""

    policy: str
    reason: str
    """A pattern of the message."""
