# SPDX-License-Identifier: Apache-2.0
"""`--redaction-filters`: JSON objects to a function that hides secrets in a text.

Which texts it gets is the core's business (tetragon_core/redaction.py). Rules are Tetragon's: of
each match of a pattern the capture groups are replaced, found by matching the matched text once
more; patterns and filters work in order, each on the result of the one before.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tetragon_core.errors import UsageError
from tetragon_core.redaction import HIDDEN, Redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.redaction import Redaction, Span

    Pattern = Any  # what re2.compile returns; the package has no types

__all__ = ["read_redaction"]

_WANTED: Final = (
    'wanted are objects such as {"redact": ["--password[ =](\\\\S+)"]}, one after another'
)


_DELETED: Final = " (deleted)"
"""Of a running process whose file was replaced, as by an upgrade, in /proc/PID/exe; a pattern that
ends with `$` is meant for it all the same."""
_MATCHES: Final = 1024
"""Of one pattern in one text. Arguments made for it match tens of thousands of times, which would
take seconds; better all of the rest is hidden."""


class _Filter(NamedTuple):
    binaries: Sequence[Pattern]
    """One of them has to match the path; none: all do."""
    patterns: Sequence[Pattern]

    def applies(self, binary: str) -> bool:
        names = {binary, binary.removesuffix(_DELETED)}
        return not self.binaries or any(one.search(name) for one in self.binaries for name in names)


def read_redaction(text: str) -> Redaction | None:
    """None when there are no filters. Raises UsageError, with one line."""
    objects = list(_objects(text))
    if not objects:
        return None
    return _Redactor([_filter(one) for one in objects])


def _objects(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    rest = text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except json.JSONDecodeError as error:
            raise UsageError(f"--redaction-filters: not JSON ({error}); {_WANTED}") from None
        yield value
        rest = rest[end:].lstrip()


def _filter(value: object) -> _Filter:
    from google.protobuf import json_format  # noqa: PLC0415  # only with this option

    from tetragon.events_pb2 import RedactionFilter  # noqa: PLC0415  # as above

    if not isinstance(value, dict):
        raise UsageError(f"--redaction-filters: {json.dumps(value)} is no object; {_WANTED}")
    try:
        message = json_format.ParseDict(value, RedactionFilter())
    except json_format.ParseError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"--redaction-filters: {reason}; {_WANTED}") from None
    return _Filter(
        [_pattern(one) for one in message.binary_regex], [_pattern(one) for one in message.redact]
    )


def _pattern(text: str) -> Pattern:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  # 3 MB, only with this option

    options = re2.Options()
    options.log_errors = False  # else it writes to standard error, beside the exception
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise UsageError(f'--redaction-filters: "{text}" is no RE2 pattern: {reason}') from None


class _Redactor:
    """A Redaction."""

    def __init__(self, filters: Sequence[_Filter]) -> None:
        self._filters = filters

    def __call__(self, binary: str, text: str) -> Redacted:
        steps: list[_Step] = []
        hidden: list[Span] = []
        for one in self._filters:
            if not one.applies(binary):
                continue
            for pattern in one.patterns:
                spans = list(_group_spans(pattern, text))
                if spans:
                    hidden += [_originally(span, steps) for span in spans]
                    steps.append(_Step(spans))
                    text = _without(text, spans)
        return Redacted(text, hidden)


def _group_spans(pattern: Pattern, text: str) -> Iterator[Span]:
    """Where the groups of all matches are, in order; of nested ones the outer, not those that took
    no part. Of too many matches the last one reaches to the end of the text.
    """
    last_end = -1
    for count, match in enumerate(pattern.finditer(text)):
        start, end = match.span()
        if count == _MATCHES and pattern.groups:
            yield start, len(text)
            return
        # Go's regexp, whose rule this is, takes no empty match right behind another one
        if end <= last_end and start > 0:
            continue
        last_end = end
        again = pattern.search(text[start:end])
        if again is None:
            continue
        done = 0
        for group in range(1, pattern.groups + 1):
            first, last = again.span(group)
            if first >= done:
                yield start + first, start + last
                done = last


def _without(text: str, spans: Sequence[Span]) -> str:
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], HIDDEN]
        done = end
    return "".join((*parts, text[done:]))


class _Step:
    """One replacement of spans in a text, and the way back from the later text to the earlier."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._firsts: list[int] = []
        """Where what stands for a span begins in the later text."""
        self._removed = [0]
        """How many characters the later text is shorter, before each span and at the end."""
        for start, end in spans:
            removed = self._removed[-1]
            self._firsts.append(start - removed)
            self._removed.append(removed + end - start - len(HIDDEN))

    def before(self, position: int, *, is_end: bool) -> int:
        """The place in the earlier text; inside of what was hidden, the span's start or end."""
        index = bisect_left(self._firsts, position)
        if index and position < self._firsts[index - 1] + len(HIDDEN):
            return self._spans[index - 1][is_end]
        return position + self._removed[index]


def _originally(span: Span, steps: Sequence[_Step]) -> Span:
    """Where the span was before all steps."""
    start, end = span
    for step in reversed(steps):
        start, end = step.before(start, is_end=False), step.before(end, is_end=True)
    return start, end
