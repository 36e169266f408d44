# SPDX-License-Identifier: Apache-2.0
"""The documents about what the executable is made of, which its build puts beside this package."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from tetragon_core.errors import TetragonError

__all__ = ["bill_of_materials", "licences"]

_FOLDER: Final = "_provenance"
_BILL: Final = "sbom.cdx.json"
_LICENCES: Final = "licenses.txt"


def bill_of_materials() -> str:
    """Everything that is in the executable, as CycloneDX JSON; raises TetragonError."""
    return _document(_BILL, "a bill of materials")


def licences() -> str:
    """Names, versions and licences of all that, and the text of each licence; as above."""
    return _document(_LICENCES, "a list of licences")


def _document(name: str, what: str) -> str:
    try:
        return files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TetragonError(
            f"only the executable has {what}, and this is not one; `make dist` builds it"
        ) from None
