# SPDX-License-Identifier: Apache-2.0
"""`options` of a policy: the names there are, and what each can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .model import Text
from .numbers import parse_integer
from .problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .problems import Problems
    from .written import Option

__all__ = ["OPTIONS", "read_options"]

_BOOLEANS: Final = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
_LARGEST: Final = (1 << 32) - 1
OPTIONS: Final[Mapping[str, tuple[str, ...] | int]] = {
    "disable-kprobe-multi": _BOOLEANS,
    "disable-uprobe-multi": _BOOLEANS,
    "policy-mode": ("enforce", "monitor"),
    "override-method": ("override-return", "fmod-ret"),
    "sleepable-preload-size": 1,
    "max-kills-per-minute": 0,
}
"""Known options and what each can be; a number: any number from this one up."""


def read_options(written: Iterable[Option], problems: Problems) -> dict[str, Text]:
    """The options by name, also those that are unknown; the last of a name counts."""
    options: dict[str, Text] = {}
    for option in written:
        name = str(option.name)
        value = option.value if "value" in option.places else Text("", option.where)
        if name in options:
            problems.warn(f'the option "{name}" is given twice; this one counts', option.where)
        if name not in OPTIONS:
            hint = did_you_mean(name, OPTIONS)
            message = f'unknown option "{name}"{hint}; known: {", ".join(OPTIONS)}'
            problems.warn(message, option.at("name"))
        elif not _is_value(name, value.value):
            message = f'"{value}" is no value of the option {name}; allowed: {_allowed(name)}'
            problems.error(message, value.where)
        options[name] = value
    return options


def _is_value(name: str, value: str) -> bool:
    allowed = OPTIONS[name]
    if not isinstance(allowed, int):
        return value in allowed
    try:
        return allowed <= parse_integer(value) <= _LARGEST
    except ValueError:
        return False


def _allowed(name: str) -> str:
    allowed = OPTIONS[name]
    return f"a number from {allowed} up" if isinstance(allowed, int) else ", ".join(allowed)
