# SPDX-License-Identifier: Apache-2.0
"""The mark `one_kernel`: where a test with it runs."""

from __future__ import annotations

import pytest

from fix_one_kernel import VMS, is_elsewhere


def test_runs_on_the_host_and_in_one_machine() -> None:
    """Of the levels that load BPF, those of the other machines leave it out."""
    mark = pytest.mark.one_kernel("it is about files", vm="6.1").mark
    levels = ("", "kernel", *(f"vm-{name}" for name in VMS))

    running = [level for level in levels if not is_elsewhere(mark, level, "test_it")]

    assert ["", "kernel", "vm-6.1"] == running


def test_runs_everywhere_without_it() -> None:
    """Nothing else is left out."""
    assert [] == [name for name in VMS if is_elsewhere(None, f"vm-{name}", "test_it")]


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(pytest.mark.one_kernel("why", vm="4.19"), id="no such machine"),
        pytest.param(pytest.mark.one_kernel(vm="6.1"), id="no reason"),
        pytest.param(pytest.mark.one_kernel("", vm="6.1"), id="empty reason"),
        pytest.param(pytest.mark.one_kernel("why"), id="no machine"),
        pytest.param(pytest.mark.one_kernel("why", vm="6.1", or_so=True), id="more"),
    ],
)
def test_tells_where_and_why(mark: pytest.MarkDecorator) -> None:
    """A mark that does not, ends the run with what it should say."""
    with pytest.raises(pytest.UsageError, match=r'test_it: want one_kernel\("why any kernel'):
        is_elsewhere(mark.mark, "vm-6.1", "test_it")
