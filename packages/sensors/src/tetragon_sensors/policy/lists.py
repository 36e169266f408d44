# SPDX-License-Identifier: Apache-2.0
"""Named lists as values of filters: `list:NAME` becomes the numbers of its system calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core import syscalls
from tetragon_core.policy.syscall_names import parse_syscall_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tetragon_core.policy.model import ArgumentFilter, NamedList, Selector, Text
    from tetragon_core.policy.problems import Problems
    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["OTHER_ABI", "expand_lists"]

OTHER_ABI: Final = 1 << 31
"""Of the number of a system call of the machine's 32-bit ABI."""
_LIST: Final = "list:"
_32_BIT: Final = frozenset({"i386", "arm32"})


def expand_lists(
    selector: Selector, lists: Mapping[str, NamedList], kernel: Kernel, problems: Problems
) -> Selector:
    """The selector with numbers in place of lists."""

    def expanded(filters: tuple[ArgumentFilter, ...]) -> tuple[ArgumentFilter, ...]:
        return tuple(_filter(one, lists, kernel, problems) for one in filters)

    return replace(
        selector,
        match_args=expanded(selector.match_args),
        match_data=expanded(selector.match_data),
        match_return_args=expanded(selector.match_return_args),
    )


def _filter(
    wanted: ArgumentFilter, lists: Mapping[str, NamedList], kernel: Kernel, problems: Problems
) -> ArgumentFilter:
    if not any(str(value).startswith(_LIST) for value in wanted.values):
        return wanted
    values = [one for value in wanted.values for one in _values(value, lists, kernel, problems)]
    return replace(wanted, values=tuple(values))


def _values(
    value: Text, lists: Mapping[str, NamedList], kernel: Kernel, problems: Problems
) -> Iterator[Text]:
    if not str(value).startswith(_LIST):
        yield value
        return
    name = str(value).removeprefix(_LIST)
    found = lists.get(name)
    if found is None:
        problems.error(f'there is no list "{name}" in this policy', value.where)
        return
    calls = [str(one) for one in found.values]
    if found.type == "generated_syscalls":
        calls = kernel.syscall_symbols()
    for call in calls:
        number = _number(call)
        if number is not None:
            yield replace(value, value=str(number))
        elif found.type != "generated_syscalls":
            problems.error(f'the list "{name}" has {call}, which is no system call', value.where)


def _number(call: str) -> int | None:
    try:
        abi, name = parse_syscall_name(call)
    except ValueError:
        return None
    number = syscalls.number(abi or syscalls.HOST_ABI, name)
    return number | OTHER_ABI if number is not None and abi in _32_BIT else number
