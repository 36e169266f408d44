# SPDX-License-Identifier: Apache-2.0
"""What a filter gets from an expression: a decision, the kinds it is for, and clear errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from server.cel_events import an_exec, kprobe
from tetragon.events_pb2 import PROCESS_EXEC, PROCESS_EXIT, PROCESS_KPROBE, GetEventsResponse
from tetragon_core.errors import TetragonError
from tetragon_server.cel import CelError, CelRuntimeError, compile_expression


def test_decides_for_each_event() -> None:
    """One expression, compiled once, is true for one event and false for another."""
    expression = compile_expression("process_exec.process.binary.endsWith('/curl')")
    other = an_exec()
    other.process_exec.process.binary = "/bin/sh"

    assert [True, False] == [expression.evaluate(event) for event in (an_exec(), other)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("process_exec.process.pid == 7u", {PROCESS_EXEC}),
        ("process_exec.process.pid == 7u || process_exit.process.pid == 7u", {1, PROCESS_EXIT}),
        ("true", set()),
        ("KprobeAction.KPROBE_ACTION_POST == 1", set()),
        ("has(process_kprobe.process)", {PROCESS_KPROBE}),
        ("type(process_kprobe) == ProcessKprobe", {PROCESS_KPROBE}),
        ("type(1) == ProcessKprobe", set()),
        ("ProcessKprobe{}.action == 0", {PROCESS_KPROBE}),
        ("[process_exec].exists(x, x.process.pid == 7u)", {PROCESS_EXEC}),
        ("[1].exists(process_exec, process_exec == 1)", set()),
        ("dyn(process_exec) == null", {PROCESS_EXEC}),
        (
            "test.arg0 == 0u || rate_limit_info.number_of_dropped_process_events == 0u",
            {40000, 40001},
        ),
    ],
)
def test_kinds_are_the_events_mentioned_by_type(text: str, kinds: set[int]) -> None:
    """A part whose type is an event's message mentions that event, a name alone does not."""
    assert kinds == compile_expression(text).kinds


def test_every_event_of_the_api_is_a_variable() -> None:
    """The oneof's fields are the variables, whatever is added to it."""
    for field in GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields:
        assert {field.number} == compile_expression(f"{field.name} == null").kinds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: an expression was expected, found end of the expression"),
        ("1 +", "1:4: an expression was expected, found end of the expression"),
        ("(1", "1:3: ) was expected, found end of the expression"),
        ("true\n  && 1 == ]", "2:11: an expression was expected, found ]"),
        ("'a", "1:1: a string that ends on its line and has only known escapes was expected"),
        ("a # b", "1:3: unexpected character '#'"),
        ("if == 1", "1:1: if is a reserved word and no name"),
        ("`a` == 1", "1:1: names in back quotes are not supported"),
        ("9223372036854775808 == 1", "1:1: a 64-bit signed number was expected"),
        ("18446744073709551616u == 1u", "1:1: a 64-bit unsigned number was expected"),
        ("'\\ud800' == ''", "1:1: an escape for a Unicode character was expected, found \\ud800"),
        ("b'\\u0041' == b''", "1:1: a byte was expected, found the Unicode escape \\u0041"),
        ("[1].all(1, true)", "1:9: a simple name was expected as first argument: all"),
        ("has(process_exec)", "1:5: a field was expected: has(message.field)"),
        (
            "process_exec.process",
            "1:14: an expression of type bool was expected, found tetragon.Process",
        ),
        ("1 + 1", "1:3: an expression of type bool was expected, found int"),
        ("[1].all(x, x)", "1:12: bool was expected, found int"),
        ("1.all(x, true)", "1:1: a list or map was expected, found int"),
        ("process_exec.pid == 1u", "1:14: tetragon.ProcessExec has no field pid"),
        (
            "Process{pid: 7} == Process{}",
            "1:9: wrapper(uint) was expected for the field pid, found int",
        ),
        ("nothing(1)", "1:8: no function is called nothing"),
        ("1.5.size() == 1", "1:5: size does not take (double)"),
        (
            "process_exec.process.pid == 1",
            (
                "1:26: == does not take (wrapper(uint), int); "
                "an unsigned number is written with a u, such as 1u"
            ),
        ),
    ],
)
def test_compile_error_says_where_and_what_was_expected(text: str, message: str) -> None:
    """One line: line, column, and what belongs there."""
    with pytest.raises(CelError) as error:
        compile_expression(text)

    assert message == str(error.value)


def test_unknown_name_is_answered_with_the_known_ones() -> None:
    """Whoever asks for node_name sees what can be asked for."""
    with pytest.raises(CelError, match=r"node_name is not known; .*process_exec, process_exit"):
        compile_expression("node_name == 'a'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0 == 1", "division by zero"),
        ("1 % 0 == 1", "modulus by zero"),
        ("9223372036854775807 + 1 == 0", "integer overflow"),
        ("0u - 1u == 0u", "unsigned integer overflow"),
        ("[1][1] == 1", "index 1 is out of the range of a list of 1"),
        ("{'a': 1}['b'] == 1", "no such key: 'b'"),
        ("process_exec.process.tid < 7u", "no such overload: _<_ of (null_type, uint)"),
        ("dyn(1) && true", "no such overload: bool was expected, found int"),
        ("true ? process_exec.process.in_init_tree : true", None),
        ("dyn(process_exec).nothing == 1", "tetragon.ProcessExec has no field nothing"),
        ("int('a') == 1", "a text that is a int was expected, found 'a'"),
        ("duration('a') == duration('0')", "a duration such as 1h30m or 1.5s was expected: 'a'"),
        ("'a'.matches('(')", "an RE2 pattern was expected: missing ): ("),
    ],
)
def test_run_time_error_says_what_is_wrong(text: str, message: str | None) -> None:
    """The expression is accepted, but has no value for this event; one row has no such error."""
    if message is None:
        with pytest.raises(CelError, match="bool was expected, found wrapper"):
            compile_expression(text)
        return
    expression = compile_expression(text)

    with pytest.raises(CelRuntimeError) as error:
        expression.evaluate(an_exec())

    assert message == str(error.value)


def test_null_result_is_a_run_time_error() -> None:
    """A branch that may be null can end up as the result; there is no decision then."""
    expression = compile_expression("false ? true : process_kprobe.process.in_init_tree")

    with pytest.raises(CelRuntimeError, match="bool was expected as result, found null_type"):
        expression.evaluate(kprobe())


def test_errors_are_ours() -> None:
    """The command line and the API know both as errors that a user can act on."""
    assert issubclass(CelError, TetragonError)
    assert issubclass(CelError, ValueError)
    assert issubclass(CelRuntimeError, TetragonError)


def test_import_loads_nothing_of_the_language() -> None:
    """An agent that never filters with an expression pays for two small modules."""
    program = (
        "import sys, tetragon_server.cel\n"
        "heavy = ('tetragon_server.cel', 're2', 'zoneinfo')\n"
        "print(sorted(name for name in sys.modules if name.startswith(heavy)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "['tetragon_server.cel', 'tetragon_server.cel.errors']\n" == done.stdout
