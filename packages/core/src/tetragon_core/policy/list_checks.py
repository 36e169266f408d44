# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with `lists`, and with the names of lists where a call stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .filter_values import LIST_PREFIX
from .problems import did_you_mean
from .syscall_names import parse_syscall_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import NamedList, Where
    from .problems import Problems

__all__ = ["check_call_list", "check_lists"]


def check_lists(lists: tuple[NamedList, ...], problems: Problems) -> None:
    """Note what is wrong with each list, and names given twice."""
    seen: set[str] = set()
    for each in lists:
        if each.name in seen:
            problems.error(f'the list "{each.name}" is there twice', each.at("name"))
        seen.add(each.name)
        _check_generated(each, problems)
        if each.type == "syscalls":
            for value in each.values:
                try:
                    parse_syscall_name(value.value)
                except ValueError as error:
                    problems.error(str(error), value.where)


def _check_generated(each: NamedList, problems: Problems) -> None:
    is_generated = each.type.startswith("generated_")
    if is_generated and each.values:
        message = f'the list "{each.name}" is generated and cannot have values'
        problems.error(message, each.at("values"))
    if not is_generated and not each.values and "values[0]" not in each.places:
        problems.warn(f'the list "{each.name}" is empty', each.at("values"))
    if each.type != "generated_ftrace":
        if each.pattern:
            problems.warn("has an effect only on generated_ftrace", each.at("pattern"))
        return
    if not each.pattern:
        message = f'the list "{each.name}" needs a pattern, which functions are compared with'
        problems.error(message, each.at("pattern"))
    try:
        re.compile(each.pattern)
    except (re.error, OverflowError, RecursionError) as error:
        problems.error(f'"{each.pattern}" is no regular expression: {error}', each.at("pattern"))


def check_call_list(
    call: str, where: Where, lists: Mapping[str, NamedList], problems: Problems
) -> None:
    """Note a `list:NAME` whose list does not exist."""
    name = call.removeprefix(LIST_PREFIX)
    if call.startswith(LIST_PREFIX) and name not in lists:
        known = f"; known: {', '.join(lists)}" if lists else "; there are no lists"
        problems.error(f'unknown list "{name}"{did_you_mean(name, lists)}{known}', where)
