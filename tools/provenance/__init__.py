# SPDX-License-Identifier: Apache-2.0
"""What the executable is made of, by name, version and licence, found from its files.

Every file and every Python module of a built tree must belong to a component, and every component
must have the text of its licence: otherwise the build ends with the name of what has none.
"""

from __future__ import annotations

from .add import add, describe
from .component import ProvenanceError

__all__ = ["ProvenanceError", "add", "describe"]
