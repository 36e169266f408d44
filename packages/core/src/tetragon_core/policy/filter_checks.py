# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a selector's argument filters: the argument they mean, and the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .argument_types import ARGUMENT_TYPES, Shape
from .expressions import parse_expression
from .filter_values import LIST_PREFIX, check_filter_values
from .model import FunctionHook, HookKind, UprobeHook
from .problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .model import Argument, ArgumentFilter, Hook, NamedList, Selector
    from .problems import Problems

__all__ = ["check_argument_filters"]

_SYSCALL_LISTS = frozenset({"syscalls", "generated_syscalls"})


def check_argument_filters(
    selector: Selector, hook: Hook, lists: Mapping[str, NamedList], problems: Problems
) -> None:
    """Note what is wrong with matchArgs, matchData and matchReturnArgs."""
    data = hook.data if isinstance(hook, (FunctionHook, UprobeHook)) else ()
    for wanted in selector.match_args:
        _check(wanted, hook.args, "args", problems)
        _check_lists(wanted, hook, lists, problems)
    for wanted in selector.match_data:
        _check(wanted, data, "data", problems)
        _check_lists(wanted, hook, lists, problems)
    _check_return_filters(selector, hook, problems)


def _by_position(position: int, arguments: Sequence[Argument]) -> Argument | None:
    return arguments[position] if position < len(arguments) else None


def _check(
    wanted: ArgumentFilter, arguments: Sequence[Argument], key: str, problems: Problems
) -> None:
    if wanted.operator == "CapabilitiesGained" and "args" not in wanted.places:
        message = "CapabilitiesGained needs args: the positions of the old and the new capabilities"
        problems.error(message, wanted.at("operator"))
        return
    if not wanted.args:
        known = ", ".join(str(each.index) for each in arguments)
        message = f"nothing in {key} has index {wanted.index}; known: {known or 'none'}"
        problems.error(message, wanted.at("index"))
        return
    chosen = [_by_position(position, arguments) for position in wanted.args]
    for number, argument in enumerate(chosen):
        if argument is None:
            message = (
                f"{wanted.args[number]} is no position in {key}, which has {len(arguments)} items"
            )
            is_position = "args" in wanted.places
            where = wanted.at("args", number) if is_position else wanted.at("index")
            problems.error(message, where)
    _check_pair(wanted, chosen, problems)
    if chosen[0] is not None and not chosen[0].resolve:
        check_filter_values(wanted, chosen[0].type, problems)
    if wanted.operator == "CelExpr":
        _check_expression(wanted, arguments, problems)


def _check_expression(
    wanted: ArgumentFilter, arguments: Sequence[Argument], problems: Problems
) -> None:
    """Unless the kernel has to be asked for a type."""
    types = [argument.type for argument in arguments]
    if "auto" in types or not ARGUMENT_TYPES.keys() >= set(types):
        return
    for text in wanted.values[:1]:
        try:
            parse_expression(text.value, types)
        except ValueError as error:
            problems.error(str(error), text.where)


def _check_pair(
    wanted: ArgumentFilter, chosen: Sequence[Argument | None], problems: Problems
) -> None:
    if wanted.operator == "CelExpr":
        return
    needed = 2 if wanted.operator == "CapabilitiesGained" else 1
    if len(chosen) != needed:
        message = f"{wanted.operator} looks at {needed}, found {len(chosen)}"
        problems.error(message, wanted.at("args"))
        return
    for argument in chosen[1:]:
        kind = ARGUMENT_TYPES.get(argument.type) if argument else None
        if argument and not argument.resolve and kind and kind.shape is not Shape.CAPABILITIES:
            message = f"the type {argument.type} holds no capabilities"
            problems.error(message, wanted.at("args", 1))


def _check_lists(
    wanted: ArgumentFilter, hook: Hook, lists: Mapping[str, NamedList], problems: Problems
) -> None:
    if wanted.operator not in {"InMap", "NotInMap"}:
        return
    for value in wanted.values:
        if not value.value.startswith(LIST_PREFIX):
            continue
        name = value.value.removeprefix(LIST_PREFIX)
        if name not in lists:
            problems.error(f'unknown list "{name}"{did_you_mean(name, lists)}', value.where)
        elif hook.kind is not HookKind.TRACEPOINT:
            message = "a list can be a value only for tracepoints"
            problems.error(message, value.where)
        elif lists[name].type not in _SYSCALL_LISTS:
            message = f'the list "{name}" is not of type syscalls or generated_syscalls'
            problems.error(message, value.where)


def _check_return_filters(selector: Selector, hook: Hook, problems: Problems) -> None:
    return_arg, is_able = None, False
    if isinstance(hook, (FunctionHook, UprobeHook)):
        return_arg, is_able = hook.return_arg if hook.returns else None, True
    if return_arg is None:
        for name in ("match_return_args", "match_return_actions"):
            if getattr(selector, name):
                able = "needs return: true and returnArg" if is_able else "has no return value"
                problems.error(f"the hook {able}", selector.at(name))
        return
    for wanted in selector.match_return_args:
        if wanted.index or wanted.args:
            name = "index" if wanted.index else "args"
            problems.warn("has no effect: there is one return value", wanted.at(name))
        if not return_arg.resolve:
            check_filter_values(wanted, return_arg.type, problems)
