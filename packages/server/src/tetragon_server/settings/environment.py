# SPDX-License-Identifier: Apache-2.0
"""Settings from the environment: TETRAGON_ and the option's name in upper case, with _ for -."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .given import Given

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["environment_name", "environment_settings", "mistyped_variables"]

_PREFIX: Final = "TETRAGON_"
_LIKENESS: Final = 0.8
"""Of a variable that is meant for an option; TETRAGON_PORT is not nearly as like to any."""


def environment_name(option: str) -> str:
    """The variable of an option."""
    return _PREFIX + option.upper().replace("-", "_")


def environment_settings(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, Given]:
    """Those of the options `names` that are there; an empty variable counts as none."""
    variables = {name: environment_name(name) for name in names}
    return {
        name: Given(name, (environment[variable],), variable)
        for name, variable in variables.items()
        if environment.get(variable)
    }


def mistyped_variables(environment: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """A line for each variable that is nearly an option's.

    Others are nobody's business: Kubernetes makes some, for a service named tetragon.
    """
    words = {environment_name(name).removeprefix(_PREFIX) for name in names}
    given = {name.removeprefix(_PREFIX) for name in environment if name.startswith(_PREFIX)}
    if given <= words:
        return []
    from difflib import get_close_matches  # noqa: PLC0415  # only for a variable that is wrong

    found = {one: get_close_matches(one, words, 1, _LIKENESS) for one in sorted(given - words)}
    return [
        f"{_PREFIX}{one} is no option's variable and has no effect"
        f" (did you mean {_PREFIX}{near[0]}?)"
        for one, near in found.items()
        if near
    ]
