# SPDX-License-Identifier: Apache-2.0
"""A policy's text as a policy, with what is to be said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tetragon_core.policy.problems import Problems

if TYPE_CHECKING:
    from tetragon_core.policy.model import Policy

__all__ = ["ReadPolicy", "read_policy"]


class ReadPolicy(NamedTuple):
    """A policy that may be loaded."""

    policy: Policy
    warnings: tuple[str, ...] = ()
    text: str = ""


def read_policy(text: str, source: str = "") -> ReadPolicy:
    """The one policy of a text; `source` names it in messages.

    Raises PolicyError with all that is wrong. A text of a megabyte takes a second.
    """
    from tetragon_core.policy.parse import (  # noqa: PLC0415  an agent without policies needs none of it
        parse_policy,
    )

    problems = Problems()
    policy = parse_policy(text, source, problems)
    return ReadPolicy(policy, tuple(one.text(source) for one in problems.warnings), text)
