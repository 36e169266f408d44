# SPDX-License-Identifier: Apache-2.0
"""Counts of one level, read from the JUnit file that pytest wrote. It decides nothing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["LevelResult", "read_result", "summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """How one level ended."""

    level: str
    ok: bool
    """False when tests failed, and also when the level ended in any other way."""
    passed: int = 0
    failed: int = 0
    skips: Counter[str] = field(default_factory=Counter)
    """Reason → number of tests."""
    note: str = ""

    @property
    def skipped(self) -> int:
        """Number of skipped tests."""
        return self.skips.total()

    def lines(self) -> list[str]:
        """The level's lines of the summary."""
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        verdict = "" if self.ok else "  FAILED"
        reasons = [f"{'':14}  {number} skipped: {reason}" for reason, number in self.skips.items()]
        return [f"{self.level:14}  {self.note or counts}{verdict}", *reasons]


def read_result(level: str, path: Path, *, ok: bool) -> LevelResult:
    """The counts in the JUnit file at `path`, which does not exist when pytest did not start."""
    if not path.exists():
        return LevelResult(level=level, ok=ok, note="" if ok else "did not run to its end")
    # Our own pytest wrote the file a moment ago.
    cases = ET.parse(path).getroot().findall("testsuite/testcase")  # noqa: S314  # see above
    skipped = [found for case in cases if (found := case.find("skipped")) is not None]
    failed = sum(1 for case in cases if {"failure", "error"} & {part.tag for part in case})
    return LevelResult(
        level=level,
        ok=ok,
        passed=len(cases) - failed - len(skipped),
        failed=failed,
        skips=Counter(found.get("message", "no reason given") for found in skipped),
    )


def summary(results: Iterable[LevelResult]) -> str:
    """A block per level and the closing line."""
    results = list(results)
    lines = [line for result in results for line in result.lines()]
    passed, failed, skipped = (
        sum(getattr(result, name) for result in results) for name in ("passed", "failed", "skipped")
    )
    # A level that broke outside of a test must not hide behind "0 failed".
    broken = sum(1 for result in results if not result.ok and not result.failed)
    closing = f"{passed} passed, {failed + broken} failed, {skipped} skipped"
    return "\n".join([*lines, closing])
