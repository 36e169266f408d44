# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: the settings are read again, and what may change while the agent runs is taken over.

All or nothing: settings that cannot be read or used change nothing. What a new value does is up to
the functions that parts of the agent register.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from tetragon_core.errors import TetragonError

from ..config import OPTIONS
from ..config.writing import written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..config import AgentConfig, Option

__all__ = ["Reload", "Reloading"]

_log = logging.getLogger(__name__)

Reload: TypeAlias = "Callable[[AgentConfig], None]"
"""Called at each SIGHUP with the settings from now on, whether or not something changed.

It may raise TetragonError or OSError; then all parts get the settings before once more.
"""


class Reloading:
    """Holds the settings in force. Its methods run in the agent's event loop."""

    def __init__(
        self,
        config: AgentConfig,
        reread: Callable[[], AgentConfig] | None = None,
        reloads: Sequence[Reload] = (),
        options: Sequence[Option] = OPTIONS,
    ) -> None:
        self.config = config
        """Options that need a restart keep the values the agent was started with."""
        self._reread = reread or (lambda: config)
        self._reloads = reloads
        self._options = options

    def reload(self) -> None:
        """Read the settings again and take over what may change; log what came of it."""
        try:
            wanted = self._reread()
            wanted.check()
        except (TetragonError, OSError) as error:
            _refused(error)
            return
        changed = [one for one in self._options if _of(wanted, one) != _of(self.config, one)]
        taken = {one.field_name: _of(wanted, one) for one in changed if one.reloads}
        before = self.config
        self.config = replace(before, **taken, others=wanted.others)
        if not self._apply(before):
            self.config = before
            return
        for one in changed:
            self._tell(one, before, wanted)
        _log.info("settings were read again", extra={"attrs": {"changed": len(taken)}})

    def _apply(self, before: AgentConfig) -> bool:
        """Whether every part has taken the new settings; otherwise they all have the old ones."""
        for count, apply in enumerate(self._reloads, start=1):
            try:
                apply(self.config)
            except (TetragonError, OSError) as error:
                _refused(error)
                self._give_back(before, count)
                return False
        return True

    def _give_back(self, before: AgentConfig, count: int) -> None:
        for apply in self._reloads[:count]:
            try:
                apply(before)
            except (TetragonError, OSError) as error:
                _log.error("a part is without settings", extra={"attrs": {"error": str(error)}})

    def _tell(self, option: Option, before: AgentConfig, wanted: AgentConfig) -> None:
        attrs = {
            "option": option.name,
            "before": written(option.kind, _of(before, option)),
            "wanted": written(option.kind, _of(wanted, option)),
        }
        if option.reloads:
            _log.info("a setting was changed", extra={"attrs": attrs})
        else:
            _log.warning("a changed setting needs a restart", extra={"attrs": attrs})


def _refused(error: Exception) -> None:
    _log.error("the settings stay as they were", extra={"attrs": {"error": str(error)}})


def _of(config: AgentConfig, option: Option) -> Any:  # noqa: ANN401  # of the field's type
    return getattr(config, option.field_name)
