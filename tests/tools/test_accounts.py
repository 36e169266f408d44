# SPDX-License-Identifier: Apache-2.0
"""The accounts of a test run: what may be skipped, and how levels add up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fix_skips import AllowedSkip, read_allowed
from testlib.results import LevelResult, read_result, summary

if TYPE_CHECKING:
    from pathlib import Path

JUNIT = """\
<testsuites><testsuite>
<testcase name="a"/>
<testcase name="b"><failure message="no"/></testcase>
<testcase name="c"><skipped message="needs kprobes"/></testcase>
<testcase name="d"><skipped message="needs kprobes"/></testcase>
</testsuite></testsuites>
"""


def test_list_of_skips_is_read_with_its_reasons() -> None:
    """A line is level, test and a reason of several words."""
    text = "# comment\n\nvm-*  tests/kernel/test_a.py::*  needs something newer\n"

    expected = [AllowedSkip("vm-*", "tests/kernel/test_a.py::*", "needs something newer")]
    assert expected == read_allowed(text)


def test_line_without_a_reason_is_refused() -> None:
    """A skip without a reason cannot be listed."""
    with pytest.raises(TypeError, match="reason"):
        read_allowed("unit tests/core/test_a.py::test_b\n")


@pytest.mark.parametrize(
    ("level", "test", "expected"),
    [
        ("vm-5.10", "tests/kernel/test_a.py::test_b[x]", True),
        ("kernel", "tests/kernel/test_a.py::test_b[x]", False),
        ("vm-5.10", "tests/kernel/test_other.py::test_b", False),
    ],
)
def test_line_covers_its_level_and_test_only(level: str, test: str, *, expected: bool) -> None:
    """A line for one level does not allow the skip in another."""
    entry = AllowedSkip("vm-5.*", "tests/kernel/test_a.py::*", "because")

    assert entry.covers(level, test) is expected


def test_counts_and_reasons_come_from_the_junit_file(tmp_path: Path) -> None:
    """Every test of the file is in exactly one of the three counts."""
    path = tmp_path / "unit.xml"
    path.write_text(JUNIT)

    result = read_result("unit", path, ok=False)

    assert (1, 1, 2) == (result.passed, result.failed, result.skipped)
    assert Counter({"needs kprobes": 2}) == result.skips


def test_level_that_broke_outside_of_a_test_counts_as_failed(tmp_path: Path) -> None:
    """No result file and an exit code other than zero are not "0 failed"."""
    broken = read_result("kernel", tmp_path / "absent.xml", ok=False)
    good = LevelResult(level="unit", ok=True, passed=3)

    assert summary([good, broken]).endswith("3 passed, 1 failed, 0 skipped")
