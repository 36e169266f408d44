# SPDX-License-Identifier: Apache-2.0
"""Events and functions are read as tracefs writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tetragon_sensors.kernel.tracefs import Field, Tracefs, TracefsError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = """\
name: opened
ID: 312
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:1;
\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:0;
\tfield:const char * name;\toffset:32;\tsize:8;\tsigned:0;
\tfield:unsigned long args[6];\toffset:40;\tsize:48;\tsigned:0;
\tfield:__rel_loc u8[] data;\toffset:88;\tsize:4;\tsigned:0;
\tfield:long id;\toffset:96;\tsize:8;\tsigned:1;

print fmt: "filename=%s", __get_str(filename)
"""


@pytest.fixture
def tracefs(tmp_path: Path) -> Tracefs:
    """A tracefs with two events."""
    for event in ("opened", "closed"):
        folder = tmp_path / "events/files" / event
        folder.mkdir(parents=True)
        (folder / "format").write_text(FORMAT)
    (tmp_path / "available_filter_functions").write_text(
        "vfs_read\nvfs_write\nvfs_readv\next_read [ext9]\n"
    )
    return Tracefs(tmp_path)


def test_fields(tracefs: Tracefs) -> None:
    """Fields have their C types and places; the common ones are left out."""
    event = tracefs.event("files", "opened")
    types = {each.name: each.type_text for each in event.fields}

    assert 312 == event.event_id
    assert {
        "filename": "char[]",
        "comm": "char[16]",
        "name": "const char *",
        "args": "unsigned long[6]",
        "data": "u8[]",
        "id": "long",
    } == types
    assert Field(
        "id", "long", 96, 8, signed=True, is_array=False, is_data_loc=False, is_rel_loc=False
    ) == event.field("id")
    assert {"filename"} == {each.name for each in event.fields if each.is_data_loc}
    assert {"data"} == {each.name for each in event.fields if each.is_rel_loc}
    assert {"filename", "comm", "args", "data"} == {
        each.name for each in event.fields if each.is_array
    }


@pytest.mark.parametrize(
    ("subsystem", "event", "message"),
    [
        ("files", "opend", r'no tracepoint "files/opend" \(did you mean "opened"\?\)'),
        ("file", "opened", r'no tracepoint subsystem "file" \(did you mean "files"\?\)'),
        ("files", "x" * 5000, 'no tracepoint "files/xxx'),
        ("files", "a\0b", 'no tracepoint "files/a'),
    ],
)
def test_unknown_events(tracefs: Tracefs, subsystem: str, event: str, message: str) -> None:
    """An event that is not there is named, with a near one."""
    with pytest.raises(TracefsError, match=message):
        tracefs.event(subsystem, event)
    assert not tracefs.has_event(subsystem, event)
    assert tracefs.has_event("files", "closed")


def test_unknown_field(tracefs: Tracefs) -> None:
    """A field that is not there is named, with a near one."""
    with pytest.raises(TracefsError, match=r'opened has no field "fliename" \(did you mean "filen'):
        tracefs.event("files", "opened").field("fliename")


def test_functions(tracefs: Tracefs) -> None:
    """Traceable functions are those of the kernel itself; an expression may match a part."""
    assert frozenset({"vfs_read", "vfs_write", "vfs_readv"}) == tracefs.traceable
    assert ["vfs_read", "vfs_readv"] == tracefs.matching("vfs_r.*")
    assert ["vfs_read"] == tracefs.matching("^vfs_read$")
    assert ["vfs_read", "vfs_readv"] == tracefs.matching("ad")


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{1001}"])
def test_expressions_that_are_none(tracefs: Tracefs, pattern: str) -> None:
    """Only what RE2 knows is taken: nothing that may take time without end."""
    with pytest.raises(TracefsError, match="is no regular expression of RE2"):
        tracefs.matching(pattern)


def test_an_expression_that_tries_everything(tmp_path: Path) -> None:
    """It takes time in proportion to the names; by trying it would be 2^60 steps."""
    (tmp_path / "available_filter_functions").write_text(60 * "a" + "\n")

    assert [] == Tracefs(tmp_path).matching(r"(\w+)+!$")


def test_functions_not_told(tmp_path: Path) -> None:
    """A kernel that does not list its functions says so when they are asked for."""
    with pytest.raises(TracefsError, match="does not tell which functions can be traced"):
        Tracefs(tmp_path).matching("vfs_.*")
