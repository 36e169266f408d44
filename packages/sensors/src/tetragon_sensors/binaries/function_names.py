# SPDX-License-Identifier: Apache-2.0
"""The functions that a file names: of its symbol tables, or of Go's own when it is stripped."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError

from .image import ElfError
from .pclntab import go_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .binary import Binary
    from .image import ElfImage

__all__ = ["function_names"]

_SYMBOL: Final = struct.Struct("<IBBHQQ")
_FUNCTION: Final = 2
_TABLES: Final = ((".symtab", ".strtab"), (".dynsym", ".dynstr"))


def function_names(binary: Binary) -> list[str]:
    """Each once, in the order of the tables. Raises TetragonError when a table is broken."""
    try:
        names = dict.fromkeys(_from_symbols(binary.image))
        functions = None if names else go_functions(binary.image)
    except ElfError as error:
        raise TetragonError(f"{binary.path}: {error}") from error
    return list(names) if functions is None else list(dict.fromkeys(functions.names()))


def _from_symbols(image: ElfImage) -> Iterator[str]:
    for table_name, texts_name in _TABLES:
        table, texts = image.section(table_name), image.section(texts_name)
        if table is None or texts is None:
            continue
        content, words = image.content(table), image.content(texts)
        whole = len(content) // _SYMBOL.size * _SYMBOL.size
        for name, info, _, _, address, _ in _SYMBOL.iter_unpack(content[:whole]):
            if info & 15 == _FUNCTION and address:
                text = words[name : words.find(b"\0", name)]
                if text:
                    yield text.decode(errors="replace")
