# SPDX-License-Identifier: Apache-2.0
"""Timestamps and durations as text: RFC 3339, and numbers with the units h m s ms us ns."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ..errors import CelRuntimeError
from ..values import Duration, Timestamp
from .arithmetic import checked_duration, checked_timestamp

__all__ = ["duration_of", "duration_text", "timestamp_of", "timestamp_text"]

_SECOND_NS: Final = 10**9
_UNITS_NS: Final = {
    "h": 3600 * _SECOND_NS,
    "m": 60 * _SECOND_NS,
    "ms": 10**6,
    "ns": 1,
    "s": _SECOND_NS,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
}
_TERM: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ms|ns|us|µs|μs|h|m|s)")
_LONGEST: Final = 200
"""Characters of a duration: sixty of its terms."""

_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - without zone, so that no year is out of range


def duration_of(text: str) -> Duration:
    """Read such as `1h30m`, `-1.5s` or `0`; CelRuntimeError for anything else."""
    body = text[1:] if text[:1] in {"+", "-"} else text
    if body == "0":
        return Duration(0)
    total, end = 0, 0
    while end < len(body) <= _LONGEST and (match := _TERM.match(body, end)):
        whole, _, fraction = match[1].partition(".")
        unit = _UNITS_NS[match[2]]
        total += int(whole or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        end = match.end()
    if not body or end != len(body):
        raise CelRuntimeError(f"a duration such as 1h30m or 1.5s was expected: {text[:40]!r}")
    return checked_duration(-total if text.startswith("-") else total)


def duration_text(value: Duration) -> str:
    """Write in seconds, as upstream's library: 5400s, 1.5s."""
    seconds = abs(value) // _SECOND_NS + abs(value) % _SECOND_NS / 1e9
    text = repr(seconds).removesuffix(".0")
    if "e" in text:
        text = f"{seconds:.9f}".rstrip("0")
    return f"{'-' if value < 0 else ''}{text}s"


def timestamp_of(text: str) -> Timestamp:
    """Read RFC 3339, with a time zone and any number of digits below the second."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise CelRuntimeError(f"a time as 2006-01-02T15:04:05Z was expected: {text[:40]!r}")
    day, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone}")
    except ValueError as error:
        raise CelRuntimeError(f"a time that exists was expected: {text[:40]!r}, {error}") from None
    nanoseconds = int((fraction or "").ljust(9, "0")[:9])
    offset = moment.utcoffset()
    since = moment.replace(tzinfo=None) - _EPOCH
    seconds = since.days * 86400 + since.seconds - (int(offset.total_seconds()) if offset else 0)
    return checked_timestamp(seconds * _SECOND_NS + nanoseconds)


def timestamp_text(value: Timestamp) -> str:
    """Write RFC 3339 in UTC, with as many digits below the second as there are."""
    seconds, nanoseconds = divmod(int(value), _SECOND_NS)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    try:
        return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()}{fraction}Z"
    except OverflowError:
        raise CelRuntimeError("a time within the years 1 to 9999 was expected") from None
