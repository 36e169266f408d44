# SPDX-License-Identifier: Apache-2.0
"""Uprobes see every call in every process, with the values it has, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from kernel.descriptors import nothing_leaks
from kernel.policies import start
from kernel.probed import RESULT, called, hits_of_waiting, plain, start_waiting, uprobe
from kernel.registers import FIRST_ARGUMENT
from tetragon_core.hooks import ArgumentValue, HookEvent
from tetragon_sensors.binaries.binary import Binary
from tetragon_sensors.binaries.places import place_of_symbol

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.policies import PolicyRun

TIMES: Final = 100
PROCESSES: Final = 8
FUNCTIONS: Final = ("numbers", "text", "bytes", "list", "of_struct", "cold", "may")
"""That the program calls once in each round, in this order."""
NUMBERS: Final = (
    "args: [{index: 0, type: int8}, {index: 1, type: uint8}, {index: 2, type: int16}, "
    "{index: 3, type: uint16}, {index: 4, type: int32}, {index: 5, type: int64}], "
)

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


# ---- what is seen ----


def test_numbers(run: PolicyRun, program: Path) -> None:
    """Every call is seen once, with integers of every type and its result."""
    text = uprobe(program, "symbols: [numbers]", NUMBERS + RESULT % "int64")

    hits = run.hits(text, lambda: called(program, TIMES))

    arguments = [-8, 200, -16000, 60000, -32_000_000, -64_000_000_000]
    assert [("numbers", arguments, sum(arguments))] * TIMES == plain(hits)
    assert {HookEvent.UPROBE} == {hit.info.event for hit in hits}
    assert {str(program)} == {hit.info.path for hit in hits}


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("text", "{index: 0, type: string}", ["given"]),
        ("bytes", "{index: 0, type: char_buf, sizeArgIndex: 2}", [b"some\0bytes"]),
        ("list", "{index: 0, type: char_iovec, sizeArgIndex: 2}", [b"onetwo"]),
    ],
)
def test_memory(
    run: PolicyRun, program: Path, function: str, arguments: str, expected: list[object]
) -> None:
    """Texts and buffers of the process are read."""
    text = uprobe(program, f"symbols: [{function}]", f"args: [{arguments}]")

    hits = run.hits(text, lambda: called(program, 3))

    assert [(function, expected, None)] * 3 == plain(hits)


def test_text_of_a_result(run: PolicyRun, program: Path) -> None:
    """A text that is returned is read when it is."""
    text = uprobe(program, "symbols: [text]", RESULT % "string")

    assert [("text", [], "iven")] == plain(run.hits(text, lambda: called(program, 1)))


def test_members_of_a_structure(run: PolicyRun, program: Path) -> None:
    """With the types of the binary, members of its structures are found."""
    inner = "index: 0, btfType: outer, resolve: inner"
    arguments = f"{{{inner}.number, type: int16}}, {{{inner}.name, type: string}}"
    text = uprobe(program, "symbols: [of_struct]", f"btfPath: '{program}', args: [{arguments}]")

    hits = run.hits(text, lambda: called(program, 1))

    assert [("of_struct", [-7, "inner"], None)] == plain(hits)


def test_page_that_is_not_in_memory(run: PolicyRun, program: Path) -> None:
    """A text in a page that the process has not touched is read where programs can sleep."""
    text = uprobe(program, "symbols: [cold]", "args: [{index: 0, type: string}]")

    (hit,) = run.hits(text, lambda: called(program, 1))

    expected = ArgumentValue("string_arg", program.read_bytes()[1:].split(b"\0")[0].decode())
    if not run.engine.kernel.abilities.can_sleep_in_uprobe:
        assert run.engine.kernel.version < (6, 0)
        expected = ArgumentValue("error_arg", {"Message": "Bad address for basic type"})
    assert (expected,) == hit.arguments


def test_nested_calls(run: PolicyRun, program: Path) -> None:
    """Each call of a function that calls itself has the result that belongs to it."""
    more = "args: [{index: 0, type: int32}], " + RESULT % "int32"

    hits = run.hits(uprobe(program, "symbols: [deep]", more), lambda: called(program, 2))

    assert [("deep", [level], level) for level in range(4)] * 2 == plain(hits)


def test_data(run: PolicyRun, program: Path) -> None:
    """Registers, and fields of the task."""
    more = (
        f"data: [{{type: uint64, source: pt_regs, resolve: {FIRST_ARGUMENT}}}, "
        "{type: int32, source: current_task, resolve: tgid}]"
    )

    hits = run.hits(uprobe(program, "symbols: [may]", more), lambda: called(program, 3))

    assert [[number, hit.process.tgid] for number, hit in enumerate(hits)] == [
        [one.value for one in hit.data] for hit in hits
    ]
    assert 3 == len(hits)


# ---- where ----


@pytest.mark.parametrize("options", ["[]", "[{name: disable-uprobe-multi, value: '1'}]"])
def test_many_places(run: PolicyRun, program: Path, options: str) -> None:
    """Many functions by one hook: the events name each in the order of the calls."""
    text = uprobe(program, f"symbols: [{', '.join(FUNCTIONS)}]", options=options)

    with run.loaded(text) as policy:
        hits = run.hits_of(lambda: called(program, TIMES))
        methods = {hook.method for hook in policy.hooks}

    multi = run.engine.kernel.abilities.can_uprobe_multi and options == "[]"
    assert list(FUNCTIONS) * TIMES == [hit.info.symbol for hit in hits]
    assert {"uprobe-multi" if multi else "uprobe"} == methods


@pytest.mark.parametrize("field", ["symbols", "offsets", "addrs"])
def test_names_of_a_place(run: PolicyRun, program: Path, field: str) -> None:
    """A place is found by symbol, by offset in the file and by address."""
    offset = place_of_symbol(Binary(str(program)), "may").offset
    address = next(
        int(line.split()[0], 16)
        for line in subprocess.check_output(["nm", program], text=True).splitlines()
        if line.endswith(" T may")
    )
    written = {"symbols": "may+0x0", "offsets": str(offset), "addrs": hex(address)}[field]

    hits = run.hits(
        uprobe(program, f"{field}: [{written}]", "args: [{index: 0, type: int32}]"),
        lambda: called(program, 3),
    )

    assert [[0], [1], [2]] == [arguments for _, arguments, _ in plain(hits)]
    assert {("may+0x0", 0) if field == "symbols" else ("", offset)} == {
        (hit.info.symbol, hit.info.offset) for hit in hits
    }


def test_process_that_runs_already(run: PolicyRun, program: Path) -> None:
    """A process that was started before is seen from its first call after the policy is loaded."""
    process = start_waiting(program, TIMES)
    with run.loaded(uprobe(program, "symbols: [may]")):
        hits = hits_of_waiting(run, process)

    assert TIMES == len(hits)


def test_many_processes(run: PolicyRun, program: Path) -> None:
    """Processes that call at the same time are all seen, with the text of each call."""

    def spawn() -> None:
        output = subprocess.DEVNULL
        started = [subprocess.Popen([program, str(TIMES)], stdout=output) for _ in range(PROCESSES)]
        assert [0] * PROCESSES == [one.wait() for one in started]

    with run.loaded(uprobe(program, "symbols: [cold, text]", "args: [{index: 0, type: string}]")):
        hits = run.hits_until_exit(start(spawn), of_all=True)

    seen = Counter((hit.process.tgid, hit.info.symbol) for hit in hits)
    assert 2 * PROCESSES == len(seen)
    assert {TIMES} == set(seen.values())
    texts = {hit.arguments[0].value for hit in hits if hit.info.symbol == "text"}
    assert {"given"} == texts


def test_unloaded(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """A process goes on undisturbed when the policy is unloaded, and is seen no more."""
    with run.loaded(uprobe(program, "symbols: [may, deep]", RESULT % "int32")):
        process = start_waiting(program, 3)
    assert [] == hits_of_waiting(run, process)

    hits = run.hits(
        uprobe(program, "symbols: [text]"), lambda: called(program, 3, tmp_path / "out")
    )

    assert 3 == len(hits)
    assert "allowed 3\nrefused 0\nswapped 0\n" == (tmp_path / "out").read_text()


# ---- who ----


def test_filters(run: PolicyRun, program: Path, tmp_path: Path) -> None:
    """Only calls that a selector wants are reported."""
    other = shutil.copy(program, tmp_path / "other")
    wanted = "matchArgs: [{index: 0, operator: GT, values: ['50']}]"
    binaries = f"matchBinaries: [{{operator: NotIn, values: ['{other}']}}]"
    text = uprobe(
        program,
        "symbols: [may]",
        f"args: [{{index: 0, type: int32}}], selectors: [{{{wanted}, {binaries}}}]",
    )

    hits = run.hits(text, lambda: called(program, TIMES))

    assert list(range(51, TIMES)) == [arguments[0] for _, arguments, _ in plain(hits)]


@pytest.mark.parametrize(
    ("text", "operator", "expected"),
    [("gi", "In", 3), ("xx", "In", 0), ("gi", "NotIn", 0)],
)
def test_filters_on_texts(
    run: PolicyRun, program: Path, text: str, operator: str, expected: int
) -> None:
    """A program that may sleep looks at texts, executables and limits like any other."""
    filters = (
        f"matchArgs: [{{index: 0, operator: Prefix, values: ['{text}']}}, "
        "{index: 0, operator: SubString, values: ['ive']}], "
        f"matchBinaries: [{{operator: {operator}, values: ['{program}'], followChildren: true}}], "
        "matchPIDs: [{operator: NotIn, followForks: true, values: [1000000]}]"
    )
    policy = uprobe(
        program,
        "symbols: [text]",
        f"args: [{{index: 0, type: string}}], selectors: [{{{filters}}}]",
    )

    assert expected == len(run.hits(policy, lambda: called(program, 3)))


def test_filter_on_a_result(run: PolicyRun, program: Path) -> None:
    """Only calls whose result a selector wants are reported."""
    more = "args: [{index: 0, type: int32}], " + RESULT % "int32"
    wanted = "selectors: [{matchReturnArgs: [{index: 0, operator: Equal, values: ['2']}]}]"

    hits = run.hits(
        uprobe(program, "symbols: [deep]", f"{more}, {wanted}"), lambda: called(program, 5)
    )

    assert [("deep", [2], 2)] * 5 == plain(hits)
