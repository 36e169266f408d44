# SPDX-License-Identifier: Apache-2.0
"""The one exception of tools/packages."""

from __future__ import annotations

__all__ = ["PackageError"]


class PackageError(Exception):
    """A package could not be built; the message says why and what to do."""
