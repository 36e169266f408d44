# SPDX-License-Identifier: Apache-2.0
"""Parts of a timestamp or a duration: getFullYear() and the like."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from ..errors import CelRuntimeError
from ..types import DURATION, INT, STRING, TIMESTAMP
from .overloads import Function, Overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from ..values import Duration, Timestamp

__all__ = ["ROWS"]

_SECOND_NS: Final = 10**9
_MILLISECOND_NS: Final = 10**6
_OFFSET: Final = re.compile(r"([+-]?[0-9]{1,4}):([+-]?[0-9]{1,4})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _zone(name: str) -> tzinfo:
    """A name of the time zone database, or hours and minutes such as -08:00."""
    if ":" not in name:
        return _named_zone(name)
    match = _OFFSET.fullmatch(name)
    if match is None or abs(int(match[1])) > 23 or not 0 <= int(match[2]) <= 59:
        raise CelRuntimeError(f"a time zone such as UTC or -08:00 was expected: {name[:40]!r}")
    minutes = int(match[2])
    return timezone(timedelta(hours=int(match[1]), minutes=minutes if name[0] != "-" else -minutes))


def _named_zone(name: str) -> tzinfo:
    if name in {"", "UTC"}:
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - few expressions need it

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CelRuntimeError(f"no such time zone: {name[:40]!r}") from None


def _moment(value: Timestamp, zone: tzinfo) -> datetime:
    try:
        return (_EPOCH + timedelta(microseconds=int(value) // 1000)).astimezone(zone)
    except OverflowError:
        raise CelRuntimeError("a time within the years 1 to 9999 was expected") from None


def _part(name: str, part: Callable[[datetime], int], of_duration: int = 0) -> Function:
    """The rows of one function; of_duration is the unit in ns where a duration has it too."""

    def in_utc(value: Timestamp) -> int:
        return part(_moment(value, UTC))

    def in_zone(value: Timestamp, zone: str) -> int:
        return part(_moment(value, _zone(zone)))

    def units(value: Duration) -> int:
        return int(value) // of_duration if value >= 0 else -(-int(value) // of_duration)

    overloads = [
        Overload((TIMESTAMP,), INT, in_utc, is_member=True),
        Overload((TIMESTAMP, STRING), INT, in_zone, is_member=True),
    ]
    if of_duration:
        overloads.append(Overload((DURATION,), INT, units, is_member=True))
    return Function(name, tuple(overloads))


ROWS: Final = (
    _part("getDate", lambda moment: moment.day),
    _part("getDayOfMonth", lambda moment: moment.day - 1),
    _part("getDayOfWeek", lambda moment: moment.isoweekday() % 7),
    _part("getDayOfYear", lambda moment: moment.timetuple().tm_yday - 1),
    _part("getFullYear", lambda moment: moment.year),
    _part("getHours", lambda moment: moment.hour, 3600 * _SECOND_NS),
    _part("getMilliseconds", lambda moment: moment.microsecond // 1000, _MILLISECOND_NS),
    _part("getMinutes", lambda moment: moment.minute, 60 * _SECOND_NS),
    _part("getMonth", lambda moment: moment.month - 1),
    _part("getSeconds", lambda moment: moment.second, _SECOND_NS),
)
