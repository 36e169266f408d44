# SPDX-License-Identifier: Apache-2.0
"""The agent's log lines on stderr: `level=info msg="…" key=value`, or the same as JSON objects.

Attributes travel in `extra={"attrs": {…}}` of an ordinary logging call.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from .config import AgentConfig

__all__ = [
    "ConfiguredLevel",
    "JsonFormatter",
    "TextFormatter",
    "current_level",
    "set_level",
    "setup_logging",
]

_TRACE: Final = 5
_PANIC: Final = 60
_LEVELS: Final = {
    "trace": _TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": _PANIC,
}
"""Trace and panic say no more and no less here than their neighbours; only what is asked for and
told again differs."""
_FORMATS: Final = frozenset({"text", "text-ts", "json", "json-ts"})
_NAMES: Final = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}


class _Formatter(logging.Formatter):
    def __init__(self, *, with_time: bool) -> None:
        super().__init__()
        self._with_time = with_time

    def pairs(self, record: logging.LogRecord) -> dict[str, object]:
        """Key and value of everything the line shows, in order."""
        pairs: dict[str, object] = {}
        if self._with_time:
            stamp = datetime.fromtimestamp(record.created, UTC)
            pairs["time"] = stamp.isoformat(timespec="seconds").replace("+00:00", "Z")
        pairs["level"] = _NAMES.get(record.levelno, record.levelname.lower())
        pairs["msg"] = record.getMessage()
        for key, value in getattr(record, "attrs", {}).items():
            pairs[f"{key}_" if key in pairs else key] = value
        if record.exc_info:
            pairs["error"] = self.formatException(record.exc_info)
        return pairs


class TextFormatter(_Formatter):
    """key=value words; `msg` always quoted, other values when they need it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return " ".join(f"{key}={_text(key, value)}" for key, value in self.pairs(record).items())


class JsonFormatter(_Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return json.dumps(self.pairs(record), default=str)


def _text(key: str, value: object) -> str:
    text = str(value)
    is_plain = text.isprintable() and text and not set(text) & set(' "=')
    return text if is_plain and key != "msg" else json.dumps(text, ensure_ascii=False)


def setup_logging(level: str, log_format: str, log_file: str = "") -> None:
    """Make the root logger write in `log_format`; unknown becomes text, and level info.

    A copy of each line goes to `log_file`, if that is given. Raises UsageError if it cannot be
    opened.
    """
    style, _, suffix = log_format.partition("-")
    formatter = (JsonFormatter if style == "json" else TextFormatter)(with_time=suffix == "ts")
    root = logging.getLogger()
    root.handlers[:] = [logging.StreamHandler()]
    if log_file:
        from .log_file import open_log_file  # noqa: PLC0415  # costs more than all else here

        root.addHandler(open_log_file(log_file))
    for handler in root.handlers:
        handler.setFormatter(formatter)
    root.setLevel(_LEVELS.get(level, logging.INFO))
    # A client that goes away is no news, nor is each header of each call.
    for library in ("grpclib", "hpack"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # All it warns of are writes to clients that have gone.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    if level not in _LEVELS:
        root.warning("unknown log level, info is used", extra={"attrs": {"log-level": level}})
    if log_format not in _FORMATS:
        root.warning(
            "unknown log format, text is used", extra={"attrs": {"log-format": log_format}}
        )


def set_level(level: str) -> None:
    """Log from this level on, until it is set again. Raises KeyError for an unknown one."""
    logging.getLogger().setLevel(_LEVELS[level])


class ConfiguredLevel:
    """Follows the setting; a level set otherwise stays until the setting changes."""

    def __init__(self, config: AgentConfig) -> None:
        self._level = config.level

    def reload(self, config: AgentConfig) -> None:
        """Raise UsageError for an unknown level."""
        if config.level == self._level:
            return
        try:
            set_level(config.level)
        except KeyError:
            words = ", ".join(_LEVELS)
            raise UsageError(f"log-level is {config.level!r}; write one of {words}") from None
        self._level = config.level


def current_level() -> str:
    """The level in force, in the words of the option."""
    number = logging.getLogger().level
    return next(name for name, value in _LEVELS.items() if value >= number)
