# SPDX-License-Identifier: Apache-2.0
"""What tracefs tells: events and their fields, and which functions can be traced.

Where it is not mounted, root gets a mount of its own that no other process and no path shows.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import PermissionDeniedError, TetragonError
from tetragon_core.policy.problems import did_you_mean

from ._ffi import FSCONFIG, FSMOUNT, FSOPEN, system_call
from .calls import close_fd

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Event", "Field", "Tracefs", "TracefsError", "find_tracefs"]

_PLACES: Final = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_MOUNT: Final = "mount -t tracefs tracefs /sys/kernel/tracing"

_CLOSE_ON_EXEC: Final = 1
_CREATE: Final = 6

_FIELD: Final = re.compile(
    r"^\tfield:(.+);\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);$", re.MULTILINE
)
_NAMED: Final = re.compile(r"(.*?)\s*(\w+)((?:\[[^\]]*\])*)")
_MODULE_MARK: Final = " ["
_MAX_EXPRESSION: Final = 512 * 1024
"""Bytes of memory for a regular expression of a policy."""


class TracefsError(TetragonError):
    """Tracefs is not mounted, or has no such event."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field in the record of an event."""

    name: str
    type_text: str
    """In C, without the name, as `char[16]`, `const char *` or `struct sockaddr *`."""
    offset: int
    size: int
    """Bytes in the record; of a located field, those of its locator."""
    signed: bool
    is_array: bool
    is_data_loc: bool
    """The record has a u32 here: where the data begins (low half, from the record's start) and its
    bytes (high half)."""
    is_rel_loc: bool
    """As is_data_loc, but from the end of this field."""


@dataclass(frozen=True, slots=True)
class Event:
    """A tracepoint as tracefs describes it."""

    subsystem: str
    name: str
    event_id: int
    """What perf_event_open(2) takes."""
    fields: tuple[Field, ...]
    """Without the common ones."""

    def field(self, name: str) -> Field:
        """A field by its name. Raises TracefsError with near names."""
        for each in self.fields:
            if each.name == name:
                return each
        near = did_you_mean(name, (each.name for each in self.fields))
        raise TracefsError(f'event {self.subsystem}/{self.name} has no field "{name}"{near}')


class Tracefs:
    """A mounted tracefs."""

    def __init__(self, root: Path, mount_fd: int = -1) -> None:
        """`mount_fd` is the detached mount that `root` leads to; close() closes it."""
        self.root = root
        self._mount_fd = mount_fd

    def close(self) -> None:
        """Give up a detached mount. Idempotent."""
        close_fd(self._mount_fd)
        self._mount_fd = -1

    def event(self, subsystem: str, name: str) -> Event:
        """An event's id and fields. Raises TracefsError with near names."""
        path = self.root / "events" / subsystem / name / "format"
        try:
            text = path.read_text()
        except PermissionError as error:
            raise PermissionDeniedError(f"{path} cannot be read: run as root (sudo)") from error
        except (OSError, ValueError) as error:  # also names that are too long, or have a NUL
            raise TracefsError(self._unknown(subsystem, name)) from error
        return parse_format(subsystem, name, text)

    def has_event(self, subsystem: str, name: str) -> bool:
        """True when there is such an event."""
        try:
            return (self.root / "events" / subsystem / name / "format").exists()
        except (OSError, ValueError):  # a name that is too long, or has a NUL
            return False

    def _unknown(self, subsystem: str, name: str) -> str:
        subsystems = self.subsystems()
        if subsystem not in subsystems:
            near = did_you_mean(subsystem, subsystems)
            return f'this kernel has no tracepoint subsystem "{subsystem}"{near}'
        near = did_you_mean(name, self.events(subsystem))
        return f'this kernel has no tracepoint "{subsystem}/{name}"{near}'

    def subsystems(self) -> list[str]:
        """Names of all subsystems, sorted."""
        return _folders(self.root / "events")

    def events(self, subsystem: str) -> list[str]:
        """Names of a subsystem's events, sorted; none for one that is not there."""
        return _folders(self.root / "events" / subsystem)

    @functools.cached_property
    def traceable(self) -> frozenset[str] | None:
        """Functions that fentry and kprobe.multi can have, without modules; None when not known."""
        try:
            text = (self.root / "available_filter_functions").read_text()
        except OSError:  # kernels without function tracing, and some sandboxes
            return None
        return frozenset(line for line in text.splitlines() if _MODULE_MARK not in line)

    def matching(self, pattern: str) -> list[str]:
        """Traceable functions in whose names a regular expression is found, sorted.

        The expression is RE2's: whoever may write a policy must not keep the agent busy with it.
        Raises TracefsError when it is none, or the functions are not known.
        """
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415  # 9 ms; few policies need it

        options = re2.Options()
        options.max_mem = _MAX_EXPRESSION
        options.log_errors = False
        options.never_capture = True
        try:
            expression = re2.compile(pattern, options)
        except re2.error as error:
            told = error.args[0]  # bytes, mostly
            told = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
            raise TracefsError(f'"{pattern}" is no regular expression of RE2: {told}') from error
        finally:
            re2.purge()  # it keeps 128 of them, of whatever size
        if self.traceable is None:
            raise TracefsError("this kernel does not tell which functions can be traced")
        return sorted(name for name in self.traceable if expression.search(name.encode()))


def _folders(path: Path) -> list[str]:
    try:
        return sorted(each.name for each in path.iterdir() if each.is_dir())
    except OSError:
        return []


def parse_format(subsystem: str, name: str, text: str) -> Event:
    """Read the text of a `format` file. Raises TracefsError when it is none."""
    number = re.search(r"^ID: (\d+)$", text, re.MULTILINE)
    if not number:
        raise TracefsError(f"the format of {subsystem}/{name} has no ID")
    fields = (_field(*match.groups()) for match in _FIELD.finditer(text))
    kept = tuple(each for each in fields if not each.name.startswith("common_"))
    return Event(subsystem, name, int(number[1]), kept)


def _field(declaration: str, offset: str, size: str, signed: str) -> Field:
    match = _NAMED.fullmatch(declaration)
    kind, name, brackets = match.groups() if match else (declaration, "", "")
    locator, _, located = kind.partition(" ")
    is_located = locator in {"__data_loc", "__rel_loc"}
    text = (located if is_located else kind) + brackets
    return Field(
        name,
        text,
        int(offset),
        int(size),
        signed == "1",
        is_array=text.endswith("]"),
        is_data_loc=locator == "__data_loc",
        is_rel_loc=locator == "__rel_loc",
    )


def find_tracefs(places: Iterable[Path] = _PLACES) -> Tracefs:
    """Tracefs where it is usually mounted, else a detached mount of it, which needs root.

    Raises TracefsError or PermissionDeniedError.
    """
    for place in places:
        try:
            if (place / "events").is_dir():
                return Tracefs(place)
        except PermissionError as error:
            raise PermissionDeniedError(f"{place} cannot be read: run as root (sudo)") from error
    mount_fd = _mount_detached()
    if mount_fd < 0:
        raise TracefsError(f"tracefs is not mounted: run `{_MOUNT}`")
    return Tracefs(Path(f"/proc/self/fd/{mount_fd}"), mount_fd)


def _mount_detached() -> int:
    """Descriptor of a mount of tracefs that is at no path (fsopen, since 5.2); -1 if refused."""
    context, code = system_call(FSOPEN, b"tracefs", _CLOSE_ON_EXEC)
    if code:
        return -1
    try:
        _, code = system_call(FSCONFIG, context, _CREATE, None, None, 0)
        if code:
            return -1
        return system_call(FSMOUNT, context, _CLOSE_ON_EXEC, 0)[0]
    finally:
        close_fd(context)
