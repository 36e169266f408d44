# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with filters that look at the process and not at the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .numbers import parse_sized_integer
from .task_names import capability_bit, namespace_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .model import BinaryFilter, Node, Selector, Text
    from .problems import Problems

__all__ = ["HOST_NAMESPACE", "check_task_filters"]

HOST_NAMESPACE: Final = "host_ns"
_MAX_PATH_BYTES: Final = 4096


def check_task_filters(selector: Selector, problems: Problems) -> None:
    """Note what is wrong with a selector's matchPIDs, matchBinaries, matchNamespaces and so on."""
    for pids in selector.match_pids:
        _check_given(pids, pids.values, problems)
    for binaries in (*selector.match_binaries, *selector.match_parent_binaries):
        _check_binaries(binaries, problems)
    for namespaces in selector.match_namespaces:
        _check_values(namespaces, namespaces.values, _namespace_id, problems)
    for changes in selector.match_namespace_changes:
        _check_values(changes, changes.values, namespace_name, problems)
    for capabilities in (*selector.match_capabilities, *selector.match_capability_changes):
        _check_values(capabilities, capabilities.values, capability_bit, problems)


def _check_given(node: Node, values: Sequence[object], problems: Problems) -> None:
    if not values and "values" in node.places and "values[0]" not in node.places:
        problems.error("needs at least one value", node.at("values"))


def _check_values(
    node: Node, values: Sequence[Text], parse: Callable[[str], object], problems: Problems
) -> None:
    _check_given(node, values, problems)
    for value in values:
        try:
            parse(value.value)
        except ValueError as error:
            problems.error(str(error), value.where)


def _namespace_id(text: str) -> int | None:
    """Inode number; None for the host's. Raises ValueError."""
    if text == HOST_NAMESPACE:
        return None
    try:
        return parse_sized_integer(text, 32, signed=False)
    except ValueError:
        raise ValueError(
            f'"{text}" is no namespace; write its inode number (readlink /proc/PID/ns/NAME)'
            f" or {HOST_NAMESPACE}"
        ) from None


def _check_binaries(binaries: BinaryFilter, problems: Problems) -> None:
    if binaries.follow_children and binaries.operator not in {"In", "NotIn", ""}:
        message = f"followChildren is possible with In and NotIn, not with {binaries.operator}"
        problems.error(message, binaries.at("follow_children"))
    for value in binaries.values:
        length = len(value.value.encode(errors="replace"))
        if not length:
            problems.error("an empty text is no path", value.where)
        elif length > _MAX_PATH_BYTES:
            message = f"the path has {length} bytes; at most {_MAX_PATH_BYTES}"
            problems.error(message, value.where)
        elif binaries.operator in {"In", "NotIn"} and not value.value.startswith("/"):
            message = f'"{value}" never matches: the whole path is compared, from "/"'
            problems.warn(message, value.where)
