# SPDX-License-Identifier: Apache-2.0
"""Merges `selectorsMacros` into the selectors that name them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from .model import Selector, Text
from .problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .problems import Problems
    from .written import WrittenSelector

__all__ = ["check_macros", "merge_macros"]

_MERGED: Final = (
    *("match_pids", "match_args", "match_data", "match_return_args"),
    *("match_binaries", "match_parent_binaries", "match_namespaces", "match_namespace_changes"),
    *("match_capabilities", "match_capability_changes", "match_actions", "match_return_actions"),
)
"""matchWorkloads of a macro is not merged, as in Tetragon."""


def check_macros(macros: Mapping[str, WrittenSelector], problems: Problems) -> None:
    """Note macros that use macros."""
    for name, macro in macros.items():
        if macro.macros:
            message = f'the macro "{name}" names other macros, which is not possible'
            problems.error(message, macro.at("macros"))
        if macro.match_workloads:
            message = "matchWorkloads of a macro has no effect; write it in the selector"
            problems.warn(message, macro.at("match_workloads"))


def merge_macros(
    selector: WrittenSelector, macros: Mapping[str, WrittenSelector], problems: Problems
) -> Selector:
    """The selector with the filters and actions of its macros; a list has one origin only."""
    values: dict[str, object] = {
        each.name: getattr(selector, each.name) for each in fields(Selector)
    }
    places = dict(selector.places)
    origins = {name: "the selector" for name in _MERGED if values[name]}
    for used in selector.macros:
        macro = macros.get(used.value)
        if macro is None:
            hint = did_you_mean(used.value, macros)
            known = f"; known: {', '.join(macros)}" if macros else "; there are no selectorsMacros"
            problems.error(f'unknown macro "{used.value}"{hint}{known}', used.where)
            continue
        for name in _MERGED:
            if not getattr(macro, name):
                continue
            if name in origins:
                _clash(used, name, origins[name], macro, problems)
                continue
            values[name] = getattr(macro, name)
            origins[name] = f'the macro "{used.value}"'
            places |= {at: where for at, where in macro.places.items() if at.startswith(name)}
        values["label"] = values["label"] or macro.label
    return Selector(**{**values, "places": places})  # type: ignore[arg-type]  # names of the fields


def _clash(used: Text, name: str, origin: str, macro: WrittenSelector, problems: Problems) -> None:
    key = macro.at(name).path.rpartition(".")[2]
    problems.error(f'{key} of the macro "{used.value}" clashes with that of {origin}', used.where)
