# SPDX-License-Identifier: Apache-2.0
"""What the status of a policy in Kubernetes says of one node."""

from __future__ import annotations

from typing import Final

__all__ = ["NODE_STATES"]

NODE_STATES: Final = ("loaded", "partial", "disabled", "skipped", "error")
"""`partial`: some hooks are not there on this kernel; `skipped`: not meant for the node; `error`:
nothing of it is loaded, or it could not be unloaded."""
