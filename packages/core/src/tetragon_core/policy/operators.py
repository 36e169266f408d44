# SPDX-License-Identifier: Apache-2.0
"""Operators of argument filters: their names, and which family each belongs to."""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = [
    "ARGUMENT_OPERATORS",
    "OPERATOR_ALIASES",
    "OPERATOR_SYNONYMS",
    "OPERATOR_TESTS",
    "VALUELESS_OPERATORS",
    "Test",
]


class Test(Enum):
    """What an operator looks at, and so which values it takes."""

    EQUALITY = "equality"
    """Numbers, texts or capability sets, as the argument's type says."""
    ORDER = "order"
    """Numbers."""
    MASK = "mask"
    """Numbers; any common bit."""
    RANGE = "range"
    """`min:max`."""
    SET = "set"
    """Numbers, `min:max`, or `list:NAME`."""
    TEXT = "text"
    ADDRESS = "address"
    """IP addresses and networks."""
    PORT = "port"
    """Ports, or `min:max`."""
    PRIVILEGED_PORT = "privileged port"
    PROTOCOL = "protocol"
    FAMILY = "family"
    STATE = "state"
    GAINED = "gained"
    """Two capability sets, old and new."""
    FILE_TYPE = "file type"
    EXPRESSION = "expression"


_BY_TEST: Final = {
    Test.EQUALITY: ("Equal", "NotEqual"),
    Test.TEXT: (
        *("Prefix", "NotPrefix", "Postfix", "NotPostfix"),
        *("SubString", "SubStringIgnCase"),
    ),
    Test.ORDER: ("GT", "LT"),
    Test.MASK: ("Mask",),
    Test.RANGE: ("InRange", "NotInRange"),
    Test.SET: ("InMap", "NotInMap"),
    Test.ADDRESS: ("SAddr", "NotSAddr", "DAddr", "NotDAddr"),
    Test.PORT: ("SPort", "NotSPort", "DPort", "NotDPort"),
    Test.PRIVILEGED_PORT: ("SPortPriv", "NotSPortPriv", "DPortPriv", "NotDPortPriv"),
    Test.PROTOCOL: ("Protocol",),
    Test.FAMILY: ("Family",),
    Test.STATE: ("State",),
    Test.GAINED: ("CapabilitiesGained",),
    Test.FILE_TYPE: ("FileType", "NotFileType"),
    Test.EXPRESSION: ("CelExpr",),
}

OPERATOR_TESTS: Final = {name: test for test, names in _BY_TEST.items() for name in names}
ARGUMENT_OPERATORS: Final = tuple(OPERATOR_TESTS)
OPERATOR_SYNONYMS: Final = {"GreaterThan": "GT", "LessThan": "LT", "NotSportPriv": "NotSPortPriv"}
"""Names that the custom resource has too; the model has the other one."""
OPERATOR_ALIASES: Final = {"eq": "Equal", "neq": "NotEqual"}
"""Names that Tetragon's parser knows but its schema refuses."""
VALUELESS_OPERATORS: Final = frozenset(
    {
        *_BY_TEST[Test.PRIVILEGED_PORT],
        *_BY_TEST[Test.GAINED],
    }
)
