# SPDX-License-Identifier: Apache-2.0
"""Digests of a file against those a policy names: sha1 to sha512 of its bytes, or its build id."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import BufferedReader

    from .image import ElfImage

__all__ = ["digest_of", "matching_digest"]

_HASHES: Final = frozenset({"sha1", "sha256", "sha384", "sha512"})


def digest_of(algorithm: str, file: BufferedReader, image: ElfImage) -> str:
    """A digest in lower-case hexadecimal; empty when the file has none of this kind.

    `algorithm` is sha1, sha256, sha384, sha512 or build-id. Raises ValueError for another.
    """
    if algorithm == "build-id":
        return image.build_id().hex()
    if algorithm not in _HASHES:
        raise ValueError(f'no algorithm is called "{algorithm}"')
    file.seek(0)
    return hashlib.file_digest(file, algorithm).hexdigest()


def matching_digest(wanted: Iterable[str], file: BufferedReader, image: ElfImage) -> str | None:
    """The first of `algorithm:hex` that the file has, as written; None when it has none."""
    known: dict[str, str] = {}
    for text in wanted:
        algorithm, _, digits = (part.strip().lower() for part in text.partition(":"))
        if algorithm not in known:
            known[algorithm] = digest_of(algorithm, file, image)
        if digits == known[algorithm]:
            return text
    return None
