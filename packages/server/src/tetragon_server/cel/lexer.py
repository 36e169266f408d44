# SPDX-License-Identifier: Apache-2.0
"""Text of an expression -> tokens. It decides what a word is, not what a sentence is.

The lexical rules are those of the CEL language definition, section "Syntax". Escaped identifiers
(in back quotes) are an option of the language that upstream does not turn on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import error_at

__all__ = ["END", "Token", "tokens_of"]

END = "end of the expression"

_ESCAPE = (
    r"""\\(?:[abfnrtv"'\\?`]|[0-3][0-7][0-7]|[xX][\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8})"""
)
_STRING = (
    r"(?:"
    r'[rR]"""(?s:.)*?"""'
    r"|[rR]'''(?s:.)*?'''"
    r'|[rR]"[^"\r\n]*"'
    r"|[rR]'[^'\r\n]*'"
    rf'|"""(?:{_ESCAPE}|[^\\])*?"""'
    rf"|'''(?:{_ESCAPE}|[^\\])*?'''"
    rf'|"(?:{_ESCAPE}|[^\\"\r\n])*"'
    rf"|'(?:{_ESCAPE}|[^\\'\r\n])*'"
    r")"
)
_TOKEN = re.compile(
    r"(?P<skip>[ \t\r\n\f]+|//[^\n]*)"
    rf"|(?P<bytes>[bB]{_STRING})"
    rf"|(?P<string>{_STRING})"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<uint>(?:0x[\da-fA-F]+|\d+)[uU])"
    r"|(?P<int>0x[\da-fA-F]+|\d+)"
    r"|(?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])",
    re.ASCII,
)
_KEYWORDS = frozenset({"true", "false", "null", "in"})


class Token(NamedTuple):
    """One word. kind: name, string, bytes, int, uint, double, or the operator or keyword itself."""

    kind: str
    text: str
    offset: int


def tokens_of(text: str) -> list[Token]:
    """Split text; the last token is END. CelError at the first character that starts no token."""
    tokens: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise error_at(text, offset, _no_token(text[offset]))
        kind, word = match.lastgroup or "", match.group()
        if kind == "op" or word in _KEYWORDS:
            kind = word
        if kind != "skip":
            tokens.append(Token(kind, word, offset))
        offset = match.end()
    tokens.append(Token(END, "", len(text)))
    return tokens


def _no_token(character: str) -> str:
    if character in "\"'":
        return "a string that ends on its line and has only known escapes was expected"
    if character == "`":
        return "names in back quotes are not supported"
    return f"unexpected character {character!r}"
