# SPDX-License-Identifier: Apache-2.0
"""Skip accounting: a skip that tests/allowed_skips.txt does not list fails the run.

It does not decide what is skipped; tests and their fixtures do, with a reason that names what is
missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from fix_levels import level_of

ALLOWED: Final = Path(__file__).with_name("allowed_skips.txt")


@dataclass(frozen=True, slots=True)
class AllowedSkip:
    """One line of the list."""

    level: str
    test: str
    reason: str

    def covers(self, level: str, test: str) -> bool:
        """True when the skip of `test` in `level` is expected."""
        return fnmatchcase(level, self.level) and fnmatchcase(test, self.test)


def read_allowed(text: str) -> list[AllowedSkip]:
    """Lines of `level  test-id  reason`; the first two are patterns, # starts a comment line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [AllowedSkip(*line.split(maxsplit=2)) for line in lines]


class SkipAccount:
    """Collects the skips of one run."""

    def __init__(self, root: Path, level: str | None, allowed: list[AllowedSkip]) -> None:
        self._root = root
        self._level = level
        self._allowed = allowed
        self.unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test; one that fails as marked (xfail) is not a skip."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that was skipped as a whole."""
        if report.skipped:
            self._note(report.nodeid)

    def _note(self, test: str) -> None:
        level = self._level or level_of(self._root / test.partition("::")[0])
        if not any(entry.covers(level, test) for entry in self._allowed):
            self.unexpected.append(test)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a passed run with unexpected skips into a failed one."""
        if self.unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the unexpected skips."""
        if self.unexpected:
            terminalreporter.section("skips that tests/allowed_skips.txt does not list", red=True)
            for test in self.unexpected:
                terminalreporter.line(test)


def pytest_configure(config: pytest.Config) -> None:
    """Start the account."""
    allowed = read_allowed(ALLOWED.read_text())
    level = config.getoption("--level")
    config.pluginmanager.register(SkipAccount(config.rootpath, level, allowed))
