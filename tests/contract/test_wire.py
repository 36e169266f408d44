# SPDX-License-Identifier: Apache-2.0
"""Record layouts: what the compiled programs have is what the Python side reads, both ways."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from struct import error as StructError  # noqa: N812  # it is a class
from typing import TYPE_CHECKING, Any, Final

import pytest

from tetragon_core.messages import (
    TICK_NS,
    Capabilities,
    Credentials,
    ExecFlag,
    ExecMessage,
    ExitMessage,
    ForkMessage,
    Namespaces,
    ProcessKey,
)
from tetragon_sensors import _wire
from tetragon_sensors.decode import decode

if TYPE_CHECKING:
    from struct import Struct

ROOT: Final = Path(__file__).parents[2]
OBJECTS: Final = ROOT / "packages/sensors/src/tetragon_sensors/_objects"
LAYOUTS: Final = ROOT / "build/bpf/layouts.bpf.o"
"""All types of wire.h. The programs keep those alone that a map or a global function mentions."""
RECORDS: Final[dict[tuple[str, str], tuple[Any, Struct]]] = {
    ("layouts", "rec_exec"): (_wire.RecExec, _wire.REC_EXEC),
    ("layouts", "rec_fork"): (_wire.RecFork, _wire.REC_FORK),
    ("layouts", "rec_exit"): (_wire.RecExit, _wire.REC_EXIT),
    ("layouts", "rec_throttle"): (_wire.RecThrottle, _wire.REC_THROTTLE),
    ("layouts", "rec_cgroup"): (_wire.RecCgroup, _wire.REC_CGROUP),
    ("cgroup", "rec_cgroup"): (_wire.RecCgroup, _wire.REC_CGROUP),
    ("exec", "cgroup_rate"): (_wire.CgroupRate, _wire.CGROUP_RATE),
    ("fork", "cgroup_rate"): (_wire.CgroupRate, _wire.CGROUP_RATE),
    ("exec", "rec_exec"): (_wire.RecExec, _wire.REC_EXEC),
    ("exec", "proc_entry"): (_wire.ProcEntry, _wire.PROC_ENTRY),
    ("fork", "proc_entry"): (_wire.ProcEntry, _wire.PROC_ENTRY),
    ("exit", "proc_entry"): (_wire.ProcEntry, _wire.PROC_ENTRY),
}
PARTS: Final = ("cgroup", "tty", "filename", "interpreter", "cwd", "executable")

Types = dict[int, dict[str, Any]]


def types_of(name: str) -> Types:
    """BTF types of a compiled object, by id."""
    path = LAYOUTS if name == "layouts" else OBJECTS / f"{name}.bpf.o"
    command = ["bpftool", "-j", "btf", "dump", "file", str(path)]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return {entry["id"]: entry for entry in json.loads(output)["types"]}


def plain(types: Types, number: int) -> dict[str, Any]:
    """The type behind typedefs."""
    while types[number]["kind"] in {"TYPEDEF", "CONST", "VOLATILE"}:
        number = types[number]["type_id"]
    return types[number]


def members(
    types: Types, struct: dict[str, Any], prefix: str = "", base: int = 0
) -> dict[str, Any]:
    """Name -> (offset, size) of every number in a structure; the header's have no prefix."""
    found: dict[str, Any] = {}
    for member in struct["members"]:
        kind = plain(types, member["type_id"])
        offset = base + member["bits_offset"] // 8
        if kind["kind"] == "STRUCT":
            inner = prefix if member["name"] == "h" else f"{prefix}{member['name']}_"
            found |= members(types, kind, inner, offset)
        elif member["name"] != "pad":
            found[prefix + member["name"]] = (offset, kind["size"])
    return found


def layout(fields: tuple[str, ...], packed: Struct) -> dict[str, Any]:
    """Name -> (offset, size) as the Python side has them: found by packing one field at a time."""
    found = {}
    for index, name in enumerate(fields):
        size = next(
            size for size in (8, 4, 2, 1) if _packs(packed, len(fields), index, (1 << 8 * size) - 1)
        )
        values = [0] * len(fields)
        values[index] = (1 << 8 * size) - 1
        found[name] = (packed.pack(*values).index(b"\xff"), size)
    return found


def _packs(packed: Struct, count: int, index: int, value: int) -> bool:
    values = [0] * count
    values[index] = value
    try:
        packed.pack(*values)
    except StructError:  # too large for the field
        return False
    return True


@pytest.mark.parametrize(("name", "struct"), RECORDS)
def test_layout_of_a_compiled_object(name: str, struct: str) -> None:
    """Names, offsets, sizes and the whole size are equal on both sides."""
    kind, packed = RECORDS[name, struct]
    types = types_of(name)
    (found,) = [t for t in types.values() if t["kind"] == "STRUCT" and t["name"] == struct]

    assert found["size"] == packed.size
    assert members(types, found) == layout(kind._fields, packed)


def test_no_record_is_left_out() -> None:
    """Every record of the layouts' object is among the compared ones, but the shared header."""
    output = (ROOT / "bpf/include/wire.h").read_text()
    declared = {line.split()[1] for line in output.splitlines() if line.startswith("struct rec_")}

    assert declared == {"rec_header"} | {s for _, s in RECORDS if s.startswith("rec_")}


@pytest.mark.parametrize("name", ["cgroup", "exec", "exit", "fork"])
def test_no_section_without_variables(name: str) -> None:
    """Kernels before 5.12 refuse such a section, and with it the types of the whole object."""
    sections = [entry for entry in types_of(name).values() if entry["kind"] == "DATASEC"]

    assert [] == [section["name"] for section in sections if not section["vlen"]]


def test_flag_numbers() -> None:
    """The kernel side's flags are those of the messages, name by name."""
    assert {flag.name: int(flag) for flag in ExecFlag} == {
        flag.name: int(flag) for flag in _wire.ExecFlag
    }


def test_tick() -> None:
    """One tick has as many nanoseconds on both sides."""
    header = (ROOT / "bpf/include/wire.h").read_text()

    assert [str(TICK_NS)] == re.findall(r"^#define TICK_NS[\s\\]+(\d+)ULL", header, re.MULTILINE)


def pack(packed: Struct, kind: type[Any], values: dict[str, int], data: bytes = b"") -> bytes:
    """A record as the kernel side writes it."""
    values["size"] = packed.size + len(data)
    return packed.pack(*(values[name] for name in kind._fields)) + data


@pytest.mark.parametrize("seed", range(50))
def test_exec_record_both_ways(seed: int) -> None:
    """An exec record of random values: each is found in its own field of the message."""
    choice = random.Random(seed)
    fields = _wire.RecExec._fields
    sizes = layout(fields, _wire.REC_EXEC)
    values = {name: choice.getrandbits(8 * size) for name, (_, size) in sizes.items()}
    texts: dict[str, Any] = {name: choice.randbytes(choice.randrange(300)) for name in PARTS}
    argv = tuple(choice.randbytes(9).replace(b"\0", b"x") for _ in range(choice.randrange(1, 9)))
    arguments = b"".join(argument + b"\0" for argument in argv)
    values |= {f"{name}_len": len(text) for name, text in texts.items()}
    values |= {"kind": _wire.RecKind.EXEC, "args_len": len(arguments)}
    record = pack(_wire.REC_EXEC, _wire.RecExec, values, b"".join(texts.values()) + arguments)
    if values["flags"] & ExecFlag.DELETED:
        texts["executable"] += b" (deleted)"

    groups: dict[str, Any] = {
        "credentials": Credentials(*(values[f"creds_{name}"] for name in Credentials._fields)),
        "capabilities": Capabilities(*(values[f"caps_{name}"] for name in Capabilities._fields)),
        "namespaces": Namespaces(*(values[f"ns_{name}"] for name in Namespaces._fields)),
    }
    keys: dict[str, Any] = {
        name: ProcessKey(values[f"{name}_tgid"], values[f"{name}_ktime"])
        for name in ("process", "parent", "previous")
    }
    same = ("tid", "nspid", "auid", "flags", "inode", "nlink", "cgroup_id")
    plain_values: dict[str, Any] = {name: values[name] for name in same}
    expected = ExecMessage(
        **keys, **groups, **texts, **plain_values, argv=argv, fork_ktime_ns=values["fork_ktime"]
    )
    assert expected == decode(record)


@pytest.mark.parametrize("seed", range(50))
def test_fork_and_exit_records_both_ways(seed: int) -> None:
    """The same for the two records of fixed size."""
    choice = random.Random(seed)
    sizes = layout(_wire.RecExit._fields, _wire.REC_EXIT)
    values = {name: choice.getrandbits(8 * size) for name, (_, size) in sizes.items()}
    process = ProcessKey(values["process_tgid"], values["process_ktime"])
    parent = ProcessKey(values["parent_tgid"], values["parent_ktime"])

    values["kind"] = _wire.RecKind.FORK
    fork = decode(pack(_wire.REC_FORK, _wire.RecFork, values))
    values["kind"] = _wire.RecKind.EXIT
    end = decode(pack(_wire.REC_EXIT, _wire.RecExit, values))

    assert ForkMessage(process=process, parent=parent, nspid=values["nspid"]) == fork
    thread = bool(values["flags"] & _wire.ExitFlag.KERNEL_THREAD)
    assert ExitMessage(process, values["ktime"], values["code"], kernel_thread=thread) == end


def test_objects_are_the_same_for_arm64(tmp_path: Path) -> None:
    """Every object of x86_64 is, byte for byte, what is compiled for arm64."""
    make = ["make", "-s", "-C", str(ROOT / "bpf"), "ARCH=arm64", f"OUT={tmp_path}"]
    subprocess.run(make, check=True)

    objects = {path.name: path.read_bytes() for path in OBJECTS.glob("*.bpf.o")}
    others = {path.name: path.read_bytes() for path in tmp_path.glob("*.bpf.o")}
    del others["layouts.bpf.o"]
    assert sorted(objects) == sorted(others)
    assert [] == [name for name, content in objects.items() if others[name] != content]
