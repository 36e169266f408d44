# SPDX-License-Identifier: Apache-2.0
"""USDT probes of real programs: every site, each form of argument, counted exactly."""

from __future__ import annotations

import ctypes
import shutil
from typing import TYPE_CHECKING

import pytest

from kernel.usdts import execute, policy, values, waiting, where
from sensors.btf_blob import BtfBlob
from tetragon_core.hooks import ArgumentValue, HookEvent
from tetragon_sensors.bcc.usdt import read_usdt_notes
from tetragon_sensors.kernel.btf import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.policies import PolicyRun

PYTHON = "/usr/bin/python3"
TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
EXTREMES = (
    -1,
    255,
    -(1 << 15),
    (1 << 16) - 1,
    -(1 << 31),
    (1 << 32) - 1,
    -(1 << 63),
    (1 << 64) - 1,
)
BAD_ADDRESS = {"Message": "Bad address for basic type"}


@pytest.fixture(scope="module")
def probes(workload: Path) -> Path:
    """The program with the probes."""
    return workload / "probes"


def test_every_site_of_a_probe_is_hit_with_its_own_arguments(run: PolicyRun, probes: Path) -> None:
    """Two sites have them in registers alike and share a program, the third has them in memory."""
    with run.loaded(policy(probes, "many", "int64", "string", "int8")) as loaded:
        hits = run.hits_of(execute(probes, "100"))

        assert [f"{probes}:test:many"] == [hook.name for hook in loaded.hooks]
        assert 2 == len(loaded.plan.hooks)
        assert 300 == loaded.counters()["posted"]
    wanted = [
        site
        for number in range(100)
        for site in ([number, "first", -5], [number, "second", 5], [-3, "memory", 7])
    ]
    assert wanted == values(hits)


def test_an_event_names_its_probe(run: PolicyRun, probes: Path) -> None:
    """Path, provider, name, message, tags and label are those of the policy."""
    text = policy(probes, "empty", head="message: passed\n    tags: [aa, bb]")

    (hit,) = run.hits(text, execute(probes, "1"))

    info = hit.info
    assert (HookEvent.USDT, str(probes), "test", "empty") == (
        *(info.event, info.path, info.provider, info.probe),
    )
    assert ("usdts", "passed", ("aa", "bb"), ()) == (
        *(info.policy_name, info.message, info.tags, hit.arguments),
    )


@pytest.mark.parametrize("probe", ["memory", "constants"])
def test_a_number_has_its_size_and_sign(run: PolicyRun, probes: Path, probe: str) -> None:
    """Whether it is in memory, in a register or nowhere but in the note."""
    hits = run.hits(policy(probes, probe, *TYPES), execute(probes, "2"))

    assert [list(EXTREMES)] * 2 == values(hits)


def test_variables_are_found_wherever_the_program_is(run: PolicyRun, probes: Path) -> None:
    """By their symbols, and as elements of arrays; each process has its addresses."""
    hits = run.hits(policy(probes, "variables", "int32", "int32"), execute(probes, "3"))

    assert [[0, 0], [1, 2], [2, 4]] == values(hits)


def test_any_of_twelve_arguments_can_be_asked_for(run: PolicyRun, probes: Path) -> None:
    """In any order."""
    hits = run.hits(
        policy(probes, "twelve", "11, type: int32", "0, type: int32"), execute(probes, "2")
    )

    assert [[11, 0], [11, 1]] == values(hits)


def test_another_argument_tells_the_length(run: PolicyRun, probes: Path) -> None:
    """By sizeArgIndex, which counts the probe's arguments from 1."""
    text = policy(probes, "text_and_length", "0, type: char_buf, sizeArgIndex: 2, label: bytes")
    hits = run.hits(text, execute(probes, "4"))

    wanted = [ArgumentValue("bytes_arg", b"memory"[:size], "bytes") for size in range(4)]
    assert [(one,) for one in wanted] == [hit.arguments for hit in hits]


@pytest.mark.parametrize(
    ("probe", "kinds", "filters", "wanted"),
    [
        (
            "many",
            ("int64", "string"),
            where(1, "Equal", "second"),
            [[n, "second"] for n in range(5)],
        ),
        (
            "many",
            ("int64", "string"),
            where(0, "GT", 2),
            [[3, "first"], [3, "second"], [4, "first"], [4, "second"]],
        ),
        ("many", ("int64", "string"), where(1, "NotPostfix", "d", "t"), [[-3, "memory"]] * 5),
        (
            "many",
            ("int64", "string", "int8"),
            where(2, "InRange", "-5:-1"),
            [[n, "first", -5] for n in range(5)],
        ),
        ("variables", ("int32", "int32"), where(1, "Equal", 6), [[3, 6]]),
        ("constants", TYPES[:1], where(0, "LT", 0), [[-1]] * 5),
    ],
)
def test_filters_see_the_arguments_of_each_site(
    run: PolicyRun, probes: Path, probe: str, kinds: tuple[str, ...], filters: str, wanted: object
) -> None:
    """A selector holds for what the site really has."""
    hits = run.hits(policy(probes, probe, *kinds, more=filters), execute(probes, "5"))

    assert wanted == values(hits)


def test_memory_that_is_not_there_is_fetched_or_told(run: PolicyRun, probes: Path) -> None:
    """A page nobody has looked at is no 0: where programs cannot wait for it, events say so."""
    hits = run.hits(policy(probes, "untouched", "int32"), execute(probes, "2"))

    fetched = bool(run.engine.kernel.abilities.can_sleep_in_uprobe)
    assert [[0 if fetched else BAD_ADDRESS]] * 2 == values(hits)


@pytest.mark.parametrize("operator", ["Equal", "NotEqual"])
def test_memory_that_is_not_there_matches_nothing(
    run: PolicyRun, probes: Path, operator: str
) -> None:
    """Neither a filter nor its opposite holds for what could not be read."""
    hits = run.hits(
        policy(probes, "untouched", "int32", more=where(0, operator, 0)), execute(probes, "2")
    )

    fetched = bool(run.engine.kernel.abilities.can_sleep_in_uprobe)
    assert (2 if fetched and operator == "Equal" else 0) == len(hits)


def test_a_structure_is_resolved_by_the_types_of_the_program(
    run: PolicyRun, probes: Path, tmp_path: Path
) -> None:
    """Through pointers, into arrays, up to texts, with a file of types of its own."""
    blob = BtfBlob()
    number = blob.integer(Kind.INT, "int", 4, signed=True)
    wide = blob.integer(Kind.INT, "long", 8, signed=True)
    letter = blob.integer(Kind.INT, "char", 1, signed=True)
    text = blob.add(Kind.PTR, word=letter)
    array = blob.array(Kind.ARRAY, number, 3, number)
    inner = blob.record(Kind.STRUCT, "inner", 24, [("text", text, 0, 0), ("values", array, 64, 0)])
    pointer = blob.add(Kind.PTR, word=inner)
    members = [("number", wide, 0, 0), ("inner", pointer, 64, 0)]
    blob.record(Kind.STRUCT, "outer", 16, members)
    (tmp_path / "probes.btf").write_bytes(blob.image())
    paths = (("int64", "number"), ("int32", "inner.values[2]"), ("string", "inner.text"))
    arguments = [f"0, type: {kind}, btfType: outer, resolve: '{path}'" for kind, path in paths]

    hits = run.hits(
        policy(probes, "structure", *arguments, head=f"btfPath: {tmp_path}/probes.btf"),
        execute(probes, "3"),
    )

    assert [[-number, number + 2, "first"] for number in range(3)] == values(hits)


# ---- processes ----


def test_a_process_that_runs_already_is_watched(run: PolicyRun, probes: Path) -> None:
    """Its code is changed under it, and what it hits from then on is reported."""
    with (
        waiting(probes, "50", "wait") as (pid, proceed),
        run.loaded(policy(probes, "in_register", "int32")),
    ):
        proceed()
        hits = run.hits_until_exit(pid)

    assert [[number] for number in range(50)] == values(hits)


def test_every_process_that_runs_the_file_is_watched(run: PolicyRun, probes: Path) -> None:
    """By whatever name it has the file, and not those that run a copy."""
    link, copy = probes.with_name("linked"), probes.with_name("copied")
    link.hardlink_to(probes)
    shutil.copy(probes, copy)

    with run.loaded(policy(probes, "in_register", "int32")):
        linked, copied = (run.hits_of(execute(path, "2")) for path in (link, copy))

    assert ([[0], [1]], []) == (values(linked), copied)


def test_a_file_that_takes_its_place_is_another(run: PolicyRun, probes: Path) -> None:
    """As an upgrade does it: the old one stays watched, the new one from the next load on."""
    path, old, new = (probes.with_name(name) for name in ("current", "old", "new"))
    shutil.copy(probes, path)
    shutil.copy(probes, new)
    old.hardlink_to(path)
    text = policy(path, "in_register", "int32")

    with run.loaded(text):
        new.replace(path)
        before = [len(run.hits_of(execute(one, "2"))) for one in (old, path)]
    with run.loaded(text):
        after = [len(run.hits_of(execute(one, "2"))) for one in (old, path)]

    assert ([2, 0], [0, 2]) == (before, after)


def test_a_semaphore_tells_the_program_that_somebody_watches(
    run: PolicyRun, workload: Path
) -> None:
    """A probe behind its semaphore is passed while the policy is loaded, and only then."""
    path = workload / "libcounted.so"
    library = ctypes.CDLL(str(path))

    def child() -> None:
        assert library.hit(3) == 3

    assert 0 == library.hit(2)
    with run.loaded(policy(path, "counted", "int32", "int32")):
        assert 1 == library.hit(1)
        hits = run.hits_of(child)

    assert [[0, 4], [1, 5], [2, 6]] == values(hits)
    assert 0 == library.hit(2)


def test_two_policies_share_a_semaphore(run: PolicyRun, workload: Path) -> None:
    """What one of them gives up is still watched by the other."""
    path = workload / "libcounted.so"
    library = ctypes.CDLL(str(path))
    text = policy(path, "counted")

    with run.loaded(text):
        with run.loaded(text.replace("name: usdts", "name: others")):
            assert 1 == library.hit(1)
        assert 1 == library.hit(1)

    assert 0 == library.hit(1)


def test_the_probes_of_python_tell_what_it_imports(run: PolicyRun) -> None:
    """A program that is not made for this: once for each module, with its name."""
    if not any(one.provider == "python" for one in read_usdt_notes(PYTHON)):
        pytest.skip("no Python here was built with USDT probes")
    text = policy(
        PYTHON, "python:import__find__load__start", "string", more=where(0, "Prefix", "colors")
    )

    hits = run.hits(text, execute(PYTHON, "-S", "-c", "import colorsys, colorsys as other"))

    assert [["colorsys"]] == values(hits)
