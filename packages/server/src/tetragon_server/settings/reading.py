# SPDX-License-Identifier: Apache-2.0
"""Settings from all their sources as one AgentConfig, with every problem and where it was written.

How the sources look is not known here.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.errors import UsageError

from ..config import OPTIONS, AgentConfig
from ..config.ignored import IGNORED
from .sources import Collected, Places, collect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .given import Given

__all__ = ["Settings", "SettingsError", "SettingsReader", "read_settings"]

_log = logging.getLogger(__name__)

_NAMES: Final = (*(one.name for one in OPTIONS), *(one.name for one in IGNORED))
_PLACES: Final = Places()


class SettingsError(UsageError):
    """All that is wrong with the settings; str() is the first of it."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        rest = f" ({len(problems) - 1} more: see agent --check-config)" if problems[1:] else ""
        super().__init__(f"{problems[0]}{rest}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the sources say altogether."""

    config: AgentConfig
    given: Mapping[str, Given]
    """What was written somewhere and counts, by name."""
    read: tuple[str, ...]
    """Files and directories that were there."""
    warnings: tuple[str, ...]
    """One line each."""

    def placed(self, message: str) -> str:
        """`message` about options, and where those that it names were set."""
        return _placed(message, self.given)


def read_settings(
    flags: Mapping[str, Given],
    environment: Mapping[str, str] | None = None,
    places: Places = _PLACES,
) -> Settings:
    """Read everything; `environment`: the process's. Raises SettingsError or UsageError."""
    variables = os.environ if environment is None else environment
    found = collect(flags, variables, _NAMES, places)
    values, problems = _values(found.settings)
    if problems:
        raise SettingsError(problems)
    config = AgentConfig(**values, others=_others(found.settings))
    problems = _unusable(config, found.settings)
    if problems:
        raise SettingsError(problems)
    return Settings(
        config=config,
        given=found.settings,
        read=tuple(found.read),
        warnings=(*found.warnings, *_warnings(found)),
    )


def _values(given: Mapping[str, Given]) -> tuple[dict[str, Any], tuple[str, ...]]:
    values, problems = {}, []
    for option in OPTIONS:
        one = given.get(option.name)
        if one is None:
            continue
        try:
            values[option.field_name] = one.value(option.kind, option.default)
        except ValueError as error:
            problems.append(f"{one.label}: {error}")
    return values, tuple(problems)


def _others(given: Mapping[str, Given]) -> tuple[tuple[str, str], ...]:
    ours = {option.name for option in OPTIONS}
    return tuple((name, one.text) for name, one in sorted(given.items()) if name not in ours)


def _unusable(config: AgentConfig, given: Mapping[str, Given]) -> tuple[str, ...]:
    problems = []
    for check in config.checks():
        try:
            check()
        except UsageError as error:
            problems.append(_placed(str(error), given))
    return tuple(problems)


def _placed(message: str, given: Mapping[str, Given]) -> str:
    words = dict.fromkeys(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", message))
    places = [given[word].place for word in words if word in given]
    return f"{message} [{', '.join(places)}]" if places else message


def _warnings(found: Collected) -> list[str]:
    ignored = {one.name: one for one in IGNORED}
    warnings = []
    for name, one in found.settings.items():
        if name in ignored and not ignored[name].is_default(one.text):
            warnings.append(f"{one.label} has no effect: {ignored[name].instead}")
        elif name not in _NAMES:
            from tetragon_core.policy.problems import did_you_mean  # noqa: PLC0415  # a rare need

            warnings.append(
                f"{one.label} is no option and has no effect{did_you_mean(name, _NAMES)}"
            )
    return warnings


class SettingsReader:
    """Reads the same sources each time, and tells each warning once."""

    def __init__(
        self,
        flags: Mapping[str, Given],
        environment: Mapping[str, str] | None = None,
        places: Places = _PLACES,
    ) -> None:
        self._flags = flags
        self._environment = environment
        self._places = places
        self._last: Settings | None = None
        self._told: set[str] = set()
        self._may_tell = False

    def settings(self) -> Settings:
        """As they are now. Raises SettingsError or UsageError."""
        self._last = read_settings(self._flags, self._environment, self._places)
        return self._last

    def read(self) -> AgentConfig:
        """The same as a config; warnings are logged once `tell` was called."""
        config = self.settings().config
        if self._may_tell:
            self._tell_new()
        return config

    def tell(self) -> None:
        """Log where settings come from and what is odd about them: the log is set up now."""
        self._may_tell = True
        if self._last is not None and self._last.read:
            files = ",".join(self._last.read)
            _log.info("settings were read", extra={"attrs": {"files": files}})
        self._tell_new()

    def _tell_new(self) -> None:
        for warning in self._last.warnings if self._last else ():
            if warning not in self._told:
                self._told.add(warning)
                _log.warning("%s", warning)
