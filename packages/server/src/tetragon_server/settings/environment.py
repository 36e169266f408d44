# SPDX-License-Identifier: Apache-2.0
"""Settings from the environment: TETRAGON_ and the option's name in upper case, with _ for -."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .given import Given

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["environment_name", "environment_settings"]

_PREFIX: Final = "TETRAGON_"


def environment_name(option: str) -> str:
    """The variable of an option."""
    return _PREFIX + option.upper().replace("-", "_")


def environment_settings(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, Given]:
    """Those of the options `names` that are there; an empty variable counts as none.

    Other variables are nobody's business: Kubernetes makes some, for a service named tetragon.
    """
    variables = {name: environment_name(name) for name in names}
    return {
        name: Given(name, (environment[variable],), variable)
        for name, variable in variables.items()
        if environment.get(variable)
    }
