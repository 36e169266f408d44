# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a policy: each problem with its place, and all of them in one exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tetragon_core.errors import UsageError

from .nodes import NOWHERE, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PolicyError", "Problem", "Problems", "did_you_mean"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth a warning, and where."""

    where: Where
    message: str
    """What was found, what is allowed, and what to do; no place in it."""

    def text(self, source: str) -> str:
        """`file.yaml:12:7: spec.kprobes[0].call: message`; what is not known is left out."""
        place = ":".join(str(part) for part in (source, self.where.line, self.where.column) if part)
        return ": ".join(part for part in (place, self.where.path, self.message) if part)


class PolicyError(UsageError):
    """A policy that cannot be loaded; str() has a line for each problem."""

    def __init__(self, problems: Iterable[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(problem.text(source) for problem in self.problems))


class Problems:
    """Collects problems, so that a pass can go on after the first."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._said: set[str] = set()

    def error(self, message: str, where: Where = NOWHERE) -> None:
        """Note something that keeps the policy from being loaded."""
        self.errors.append(Problem(where, message))

    def warn(self, message: str, where: Where = NOWHERE) -> None:
        """Note something the author should know."""
        self.warnings.append(Problem(where, message))

    def warn_once(self, subject: str, message: str, where: Where = NOWHERE) -> None:
        """Note it unless there was a warning with that subject before."""
        if subject not in self._said:
            self._said.add(subject)
            self.warn(message, where)

    def raise_if_any(self, source: str = "") -> None:
        """Raise PolicyError with all errors, if there are any."""
        if self.errors:
            raise PolicyError(self.errors, source)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """` (did you mean "x"?)` for the nearest allowed word, or nothing when none is near."""
    import difflib  # noqa: PLC0415  only for a word that is wrong

    lowered = {each.lower(): each for each in allowed}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f' (did you mean "{lowered[near[0]]}"?)' if near else ""
