# SPDX-License-Identifier: Apache-2.0
"""Finds what a built tree is made of, and puts the two documents about it into the tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .bom import bill
from .component import Component, ProvenanceError
from .debian import DebianPackages
from .licences import licence_text
from .own import claim_own, claim_python, claim_starter, launcher_parts, product
from .python_packages import PythonPackages
from .tree import LIBRARIES, Item, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Claim = Callable[[Item], Component | None]

__all__ = ["add", "components_of", "describe", "shared_out"]

ROOT: Final = Path(__file__).resolve().parents[2]
_LOCK: Final = ROOT / "packages/requirements.lock"
_FOLDER: Final = "tetragon_cli/_provenance"
"""Where `version --sbom` and `--licenses` look, below the libraries."""
_BILL: Final = "sbom.cdx.json"
_LICENCES: Final = "licenses.txt"


def add(tree: Path) -> None:
    """Write both documents into the tree; raises ProvenanceError when something has no origin.

    To be called when nothing else comes into the tree; a second call writes the same.
    """
    folder = tree / LIBRARIES / _FOLDER
    for name, text in describe(tree).items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def describe(tree: Path) -> dict[str, str]:
    """The two documents by file name."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    contents = components_of(tree)
    whole = product()
    return {
        _BILL: bill(whole, contents, int(epoch) if epoch else None),
        _LICENCES: licence_text([whole, *contents]),
    }


def components_of(tree: Path) -> dict[Component, list[Item]]:
    """What each component brought, ordered by kind and name."""
    claims: Sequence[Claim] = (
        PythonPackages(_LOCK).claim,
        DebianPackages().claim,
        claim_own,
        claim_starter,
        claim_python,
    )
    found: dict[Component, list[Item]] = {one: [] for one in launcher_parts()}
    found |= shared_out((one for one in items(tree) if not one.name.startswith(_FOLDER)), claims)
    return dict(sorted(found.items(), key=lambda pair: pair[0].purl))


def shared_out(everything: Iterable[Item], claims: Sequence[Claim]) -> dict[Component, list[Item]]:
    """Each item at the first that claims it; raises ProvenanceError with those that nobody does."""
    found: dict[Component, list[Item]] = {}
    unknown = []
    for item in everything:
        owner = next((one for claim in claims if (one := claim(item)) is not None), None)
        if owner is None:
            unknown.append(item.name)
        else:
            found.setdefault(owner, []).append(item)
    if unknown:
        raise ProvenanceError(
            f"nothing that may be in the executable brought {', '.join(unknown)}; leave it out "
            "(EXCLUDED in tools/exe.spec), or tell in tools/provenance whose it is"
        )
    return found
