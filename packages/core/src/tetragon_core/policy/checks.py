# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a policy whatever the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Policy
    from .problems import Problems

__all__ = ["check_policy"]


def check_policy(policy: Policy, problems: Problems) -> None:
    """Note everything that is wrong."""
