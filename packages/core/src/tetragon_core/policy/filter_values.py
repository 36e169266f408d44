# SPDX-License-Identifier: Apache-2.0
"""Whether an argument filter's operator and values fit the argument's type.

The parser asks when the type is certain. Where the kernel decides it (`auto`, `resolve`), the pass
that knows the kernel asks again with the type it found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .argument_types import ARGUMENT_TYPES, Shape, allowed_operators
from .file_types import parse_file_type
from .network_values import (
    parse_family,
    parse_network,
    parse_ports,
    parse_protocol,
    parse_tcp_state,
)
from .numbers import parse_range, parse_sized_integer
from .operators import OPERATOR_TESTS, VALUELESS_OPERATORS, Test
from .task_names import capability_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .model import ArgumentFilter
    from .problems import Problems

__all__ = ["LIST_PREFIX", "check_filter_values"]

LIST_PREFIX: Final = "list:"
_MAX_TEXT_BYTES: Final = 4096
"""PATH_MAX: no text argument is longer."""
_SYSCALL_BITS: Final = 64

_PARSERS: Final[Mapping[Test, Callable[[str], object]]] = {
    Test.ADDRESS: parse_network,
    Test.PORT: parse_ports,
    Test.PROTOCOL: parse_protocol,
    Test.FAMILY: parse_family,
    Test.STATE: parse_tcp_state,
    Test.FILE_TYPE: parse_file_type,
}


def check_filter_values(wanted: ArgumentFilter, type_name: str, problems: Problems) -> None:
    """Note an operator that the type does not have, and values that the operator does not take."""
    test = OPERATOR_TESTS.get(wanted.operator)
    if test is None or type_name not in ARGUMENT_TYPES:
        return
    allowed = allowed_operators(type_name)
    if wanted.operator not in allowed:
        possible = f"allowed: {', '.join(allowed)}" if allowed else "it cannot be filtered"
        message = f"{wanted.operator} is not possible for the type {type_name}; {possible}"
        problems.error(message, wanted.at("operator"))
        return
    if wanted.operator in VALUELESS_OPERATORS:
        if wanted.values:
            problems.warn(f"{wanted.operator} takes no values", wanted.at("values"))
        return
    if not wanted.values and "values[0]" not in wanted.places:
        problems.error(f"{wanted.operator} needs at least one value", wanted.at("values"))
    if test is Test.EXPRESSION and len(wanted.values) > 1:
        message = f"CelExpr takes one expression, found {len(wanted.values)}; join them with &&"
        problems.error(message, wanted.values[1].where)
    for value in wanted.values:
        try:
            _check_value(value.value, test, type_name)
        except ValueError as error:
            problems.error(str(error), value.where)


def _check_value(text: str, test: Test, type_name: str) -> None:
    """Raise ValueError if the text is no value for that test on that type."""
    parser = _PARSERS.get(test)
    if parser is not None:
        parser(text)
    elif test in {Test.EQUALITY, Test.ORDER, Test.MASK, Test.RANGE, Test.SET}:
        _check_by_type(text, test, type_name)
    elif test is Test.TEXT:
        _check_text(text)


def _check_by_type(text: str, test: Test, type_name: str) -> None:
    kind = ARGUMENT_TYPES[type_name]
    if test is Test.SET and text.startswith(LIST_PREFIX):
        return
    if kind.shape is Shape.UNKNOWN:
        return
    if kind.shape is Shape.CAPABILITIES:
        capability_mask(text)
    elif kind.shape in {Shape.INTEGER, Shape.SYSCALL}:
        bits = kind.bits or _SYSCALL_BITS
        if test is Test.RANGE or (test is Test.SET and ":" in text):
            parse_range(text, bits, signed=kind.signed)
        else:
            parse_sized_integer(text, bits, signed=kind.signed)
    else:
        _check_text(text)


def _check_text(text: str) -> None:
    length = len(text.encode(errors="replace"))
    if not length:
        raise ValueError("an empty text is no value; nothing is compared with it")
    if length > _MAX_TEXT_BYTES:
        raise ValueError(f"the text has {length} bytes; at most {_MAX_TEXT_BYTES}")
