# SPDX-License-Identifier: Apache-2.0
"""The filter `cel_expression`: several expressions, relevance, and failures while they run."""

from __future__ import annotations

import pytest

from server.filtered import event, keeps, of, process
from tetragon import events_pb2 as events_pb
from tetragon_server.filters import FilterError

HIT = event("process_kprobe", process=process(5), function_name="f")


def wanted(*expressions: str) -> list[events_pb.Filter]:
    return [events_pb.Filter(cel_expression=expressions)]


def test_several_expressions_are_alternatives() -> None:
    """One that is true is enough; with other fields of the filter it has to match besides."""
    either = wanted("process_exec.process.pid == 1u", "process_exec.process.pid == 7u")

    assert keeps(of(pid=7), either)
    assert not keeps(of(pid=8), either)
    either[0].binary_regex.append("/ls$")
    assert not keeps(of(pid=7), either)
    assert keeps(of(pid=7, binary="/bin/ls"), either)


def test_only_relevant_expressions_are_asked() -> None:
    """An expression about another event does not match, whatever it would say; nor does `true`."""
    assert not keeps(of(), wanted("process_kprobe.function_name == ''"))
    assert not keeps(of(), wanted("true"))
    assert keeps(HIT, wanted("process_kprobe.process.pid != 6u && process_exec.process.pid != 6u"))


def test_a_failure_ends_the_filter_for_the_event() -> None:
    """Expressions after the one that failed are not asked; those before it were."""
    fails, is_true = "process_kprobe.args[3].label == 'x'", "process_kprobe.function_name == 'f'"

    assert keeps(HIT, wanted(is_true, fails))
    assert not keeps(HIT, wanted(fails, is_true))
    assert keeps(HIT, [*wanted(fails), *wanted(is_true)])


@pytest.mark.parametrize(
    "expression", ["process_exec.process.pid == 1", "process_exec", "process_exec.nosuch", "(", ""]
)
def test_what_is_no_condition(expression: str) -> None:
    """The request fails with one line that quotes the expression."""
    with pytest.raises(FilterError) as failed:
        keeps(of(), wanted(expression))

    assert str(failed.value).startswith(f"cel_expression: {expression!r}: ")
    assert "\n" not in str(failed.value)
