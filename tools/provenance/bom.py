# SPDX-License-Identifier: Apache-2.0
"""The bill of materials in CycloneDX's form, the same bytes for the same tree.

It has no time but the one that SOURCE_DATE_EPOCH says, and its number follows from what it holds.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as Entry
from cyclonedx.model.component import ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .component import Component
    from .tree import Item

__all__ = ["bill"]

_NUMBERS: Final = uuid.UUID("5d2c8f0a-5f0b-5c1e-9a55-3b8d0c6a7e11")
"""What our serial numbers are made from, besides the contents."""
_LISTED: Final = (".so", ".bpf.o")
"""Files that are told by name and checksum: what runs outside of Python."""


def bill(
    product: Component, contents: Mapping[Component, Sequence[Item]], epoch: int | None
) -> str:
    """The document; `contents` has the files and modules of each component."""
    entries = {one: _entry(one, items) for one, items in contents.items()}
    main = _entry(product, ())
    main.type = ComponentType.APPLICATION
    bom = Bom(components=entries.values())
    bom.metadata.component = main
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC) if epoch is not None else None  # type: ignore[assignment]  # the schema lets it be absent
    by_name = {one.name: entry.bom_ref for one, entry in entries.items()}
    bom.dependencies = [
        Dependency(main.bom_ref, [Dependency(entry.bom_ref) for entry in entries.values()]),
        *(
            Dependency(
                entry.bom_ref, [Dependency(by_name[name]) for name in one.needs if name in by_name]
            )
            for one, entry in entries.items()
        ),
    ]
    bom.serial_number = _number(contents)
    return f"{JsonV1Dot6(bom).output_as_string(indent=1)}\n"


def _entry(one: Component, items: Sequence[Item]) -> Entry:
    return Entry(
        name=one.name,
        version=one.version,
        bom_ref=one.purl,
        purl=PackageURL.from_string(one.purl),
        cpe=one.cpe or None,
        description=one.note or None,
        licenses=[LicenseExpression(one.licence)],
        external_references=_published(one),
        components=[_file(item, one) for item in items if _is_listed(item)],
    )


def _is_listed(item: Item) -> bool:
    return item.path is not None and any(mark in item.name for mark in _LISTED)


def _file(item: Item, owner: Component) -> Entry:
    return Entry(
        name=item.name,
        type=ComponentType.FILE,
        bom_ref=f"{owner.purl}#{item.name}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=item.digest)],
    )


def _published(one: Component) -> list[ExternalReference]:
    if not one.hashes:
        return []
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in one.hashes]
    comment = "one of the files with these checksums was installed"
    kind = ExternalReferenceType.DISTRIBUTION
    return [ExternalReference(type=kind, url=XsUri(one.purl), comment=comment, hashes=hashes)]


def _number(contents: Mapping[Component, Sequence[Item]]) -> uuid.UUID:
    lines = sorted(
        f"{one.purl} {item.name} {item.digest}" for one, items in contents.items() for item in items
    )
    return uuid.uuid5(_NUMBERS, "\n".join(lines))
