# SPDX-License-Identifier: Apache-2.0
"""Changes of policies that files brought, not a request. Where they are written is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .entry import PolicyKey

    Audit = Callable[[str, PolicyKey, str], None]
    """What was done, with which policy, because of which file."""

__all__ = ["no_audit"]


def no_audit(_what: str, _key: PolicyKey, _file: str) -> None:
    """Writes nothing down."""
