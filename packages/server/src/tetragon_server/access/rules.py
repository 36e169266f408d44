# SPDX-License-Identifier: Apache-2.0
"""What an identity may do: watch, or change things too. One row for each kind of rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError
from tetragon_server.accounts import group_id, user_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .identity import Identity

    Test = Callable[[Identity], bool]

__all__ = ["AccessRules"]

_ANYBODY: Final = "*"
_TCP: Final = "tcp"


class AccessRules:
    """Rules of --read-only and --full-access. Who meets none may do everything, as in Tetragon."""

    def __init__(self, read_only: Iterable[str], full_access: Iterable[str]) -> None:
        """UsageError names the rule that cannot be read, or whose user or group does not exist."""
        self._read_only = [_parse("read-only", text) for text in read_only]
        self._full_access = [_parse("full-access", text) for text in full_access]

    def may_change(self, who: Identity) -> bool:
        """True when `who` may do more than watch."""
        if any(test(who) for test in self._full_access):
            return True
        return not any(test(who) for test in self._read_only)


def _parse(option: str, text: str) -> Test:
    if text == _ANYBODY:
        return lambda _: True
    if text == _TCP:
        return lambda who: who.is_tcp
    kind, _, value = text.partition(":")
    make = _KINDS.get(kind)
    if make is None or not value:
        raise UsageError(
            f"--{option} {text!r}: write {', '.join(f'{one}:…' for one in _KINDS)}, tcp or *"
        )
    try:
        return make(value)
    except KeyError:
        raise UsageError(f"--{option} {text!r}: this host has no such {kind}") from None
    except ValueError:
        raise UsageError(f"--{option} {text!r}: {value!r} is no number") from None


def _uid(value: str) -> Test:
    number = int(value)
    return lambda who: who.uid == number


def _gid(value: str) -> Test:
    number = int(value)
    return lambda who: number in who.gids


def _user(value: str) -> Test:
    return _uid(str(user_id(value)))


def _group(value: str) -> Test:
    return _gid(str(group_id(value)))


def _certificate(value: str) -> Test:
    return lambda who: value in who.names


_KINDS: Final[dict[str, Callable[[str], Test]]] = {
    "uid": _uid,
    "gid": _gid,
    "user": _user,
    "group": _group,
    "cn": _certificate,
}
