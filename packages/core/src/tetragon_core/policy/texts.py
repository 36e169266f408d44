# SPDX-License-Identifier: Apache-2.0
"""Messages and tags of hooks: their limits and their escaping. Lengths are in bytes of UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .model import Hook
    from .problems import Problems

__all__ = ["hook_message", "hook_tags", "quoted"]

_MIN_BYTES: Final = 2
_MAX_MESSAGE_BYTES: Final = 256
_MAX_TAG_BYTES: Final = 128
_MAX_TAGS: Final = 16
_NAMED: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quoted(text: str) -> str:
    """The text as it stands between the quotes of a Go string literal, which events carry."""
    return "".join(_quoted_character(character) for character in text)


def _quoted_character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def hook_message(hook: Hook, problems: Problems) -> str:
    """The message as events carry it."""
    length = len(hook.message.encode(errors="replace"))
    where = hook.at("message")
    if 0 < length < _MIN_BYTES:
        problems.error(f"the message is too short; at least {_MIN_BYTES} bytes", where)
    if length > _MAX_MESSAGE_BYTES:
        message = f"the message has {length} bytes and is cut to {_MAX_MESSAGE_BYTES}"
        problems.warn(message, where)
    return quoted(_cut(hook.message, _MAX_MESSAGE_BYTES))


def hook_tags(hook: Hook, problems: Problems) -> tuple[str, ...]:
    """The tags as events carry them."""
    if len(hook.tags) > _MAX_TAGS:
        problems.error(f"{len(hook.tags)} tags; at most {_MAX_TAGS}", hook.at("tags"))
    for number, tag in enumerate(hook.tags):
        length = len(tag.encode(errors="replace"))
        where = hook.at("tags", number)
        if length < _MIN_BYTES:
            problems.error(f'the tag "{tag}" is too short; at least {_MIN_BYTES} bytes', where)
        if length > _MAX_TAG_BYTES:
            problems.warn(f"the tag has {length} bytes and is cut to {_MAX_TAG_BYTES}", where)
    return tuple(quoted(_cut(tag, _MAX_TAG_BYTES)) for tag in hook.tags)


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes, no character cut in two."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")
