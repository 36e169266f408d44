# SPDX-License-Identifier: Apache-2.0
"""A block of commands as a list of commands, each with what it is said to print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Step", "in_order", "matches", "steps_of"]

_PROMPT: Final = "$ "
_ANY: Final = "..."
_VARIES: Final = re.compile(
    r"(?P<time>(?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(?:\.\d+)?Z?)"
    r"|(?P<number>\d{2,})|(?P<blanks> {2,})|(?P<any>\.\.\.)"
)
"""What is never the same twice: times, numbers of two digits and more, what `...` stands for."""
_WILDCARDS: Final = {"time": r"[-0-9T:.Z]+", "number": r"\d+", "blanks": " +", "any": r"[^\n]*"}


class Step(NamedTuple):
    """A command, or a whole script when nothing is said of its output."""

    command: str
    shown: tuple[str, ...] | None

    @property
    def goes_on(self) -> bool:
        """Whether it runs in the background."""
        return self.shown is not None and self.command.rstrip().endswith("&")


def steps_of(text: str) -> list[Step]:
    """The commands of a block: those behind `$ `, or all of it as one script."""
    lines = text.splitlines()
    if not any(line.startswith(_PROMPT) for line in lines):
        return [Step(text, None)]
    steps: list[Step] = []
    command: list[str] = []
    shown: list[str] = []
    for line in lines:
        if command and not shown and _is_open(command):
            command.append(line)
        elif line.startswith(_PROMPT):
            steps += [_step(command, shown)] if command else []
            command, shown = [line.removeprefix(_PROMPT)], []
        else:
            shown.append(line)
    return [*steps, _step(command, shown)]


def _step(command: list[str], shown: list[str]) -> Step:
    while shown and not shown[-1].strip():
        shown.pop()
    return Step("\n".join(command), tuple(shown))


def _is_open(command: list[str]) -> bool:
    """Whether the next line belongs to it too: after a backslash, and in a here-document."""
    text = "\n".join(command)
    document = re.search(r"<<-?\s*['\"]?(\w+)", text)
    return text.endswith("\\") or (document is not None and command[-1] != document[1])


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether the lines are those; a line that is `...` stands for any number of lines."""
    pattern = "".join(
        r"(?:[^\n]*\n)*" if line.strip() == _ANY else _line_pattern(line) + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed)) is not None


def in_order(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Lines of `shown` that did not come in this order; others between them do not matter."""
    wanted = [line for line in shown if line.strip() not in {"", _ANY}]
    for line in printed:
        if wanted and re.fullmatch(_line_pattern(wanted[0]), line.rstrip()):
            del wanted[0]
    return wanted


def _line_pattern(line: str) -> str:
    """Another time, process id and width of a column are no difference."""
    pattern, end = "", 0
    text = line.rstrip()
    for found in _VARIES.finditer(text):
        pattern += re.escape(text[end : found.start()]) + _WILDCARDS[str(found.lastgroup)]
        end = found.end()
    return pattern + re.escape(text[end:])
