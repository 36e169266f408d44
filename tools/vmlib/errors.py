# SPDX-License-Identifier: Apache-2.0
"""The one exception of tools/vm. A command that fails inside the machine is not an error here."""

from __future__ import annotations

__all__ = ["VmError"]


class VmError(Exception):
    """The machine could not be prepared or did not come up; the message is one line."""
