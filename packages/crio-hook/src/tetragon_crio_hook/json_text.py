# SPDX-License-Identifier: Apache-2.0
"""JSON with the interpreter's accelerator: `import json` alone takes as long as the whole hook.

Reads what `json.loads` reads, and writes that again without white space.
"""

from __future__ import annotations

# The package json imports re and enum, 8 ms; its C part does the reading there as well.
from _json import encode_basestring_ascii, make_scanner

from tetragon_core.errors import TetragonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["dumps", "loads"]

_WORDS: Final = {None: "null", True: "true", False: "false"}
_WHITE: Final = b" \t\r\n"


class _Settings:
    """What the scanner takes from json.JSONDecoder."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


_SCAN: Final = make_scanner(_Settings())  # type: ignore[arg-type]  # typeshed wants itself


def loads(data: bytes) -> object:
    """Read one value. Raises TetragonError for anything that is not one."""
    try:
        text = data.strip(_WHITE).decode()
        value, end = _SCAN(text, 0)
    except (ValueError, RecursionError, SystemError) as error:
        raise TetragonError(f"no JSON: {_reason(data, error)}") from error
    except StopIteration as error:
        raise TetragonError(f"no JSON: a value is missing at character {error.value}") from error
    if end != len(text):
        raise TetragonError(f"no JSON: more text follows at character {end}")
    return value


def _reason(data: bytes, error: Exception) -> str:
    """The scanner of Python 3.11 takes its exception from a module that is not imported here, and
    without it raises SystemError.
    """
    if not isinstance(error, SystemError):
        return str(error)
    import json  # noqa: PLC0415  # 8 ms, for what is no JSON only

    try:
        json.loads(data)
    except ValueError as found:
        return str(found)
    return str(error)


def dumps(value: object) -> str:
    """Write a value; what JSON has no form for, as its text."""
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(dumps, value))}]"
    if isinstance(value, dict):
        pairs = (f"{encode_basestring_ascii(str(k))}:{dumps(v)}" for k, v in value.items())
        return f"{{{','.join(pairs)}}}"
    return encode_basestring_ascii(str(value))
