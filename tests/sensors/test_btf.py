# SPDX-License-Identifier: Apache-2.0
"""Types are read as the compiler laid them out: from a file made here, and from this kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sensors.btf_blob import BtfBlob
from tetragon_sensors.kernel.btf import Btf, BtfError, Kind, Step
from tetragon_sensors.kernel.facts import Kernel

if TYPE_CHECKING:
    from pathlib import Path


def make_image() -> bytes:
    """Types of these declarations, on a machine with pointers of 8 bytes.

    struct inner { long a; int list[4]; };
    enum color { RED = -1, BLUE = 7 };
    enum wide { HUGE = 1 << 40 };
    struct node {
        int first;                                            // 0
        union { struct { char tag[16]; }; long word; };       // 8
        unsigned int low : 3, high : 30;                      // 24
        struct node *next;                                    // 32
        const struct inner nested;                            // 40
        struct inner *const parts;                            // 64
        struct hidden *hidden;                                // 72
        int tail[];                                           // 80
    };
    typedef struct node node_t;
    int visit(struct node *node, const char *name, int (*call)(node_t *), ...);
    typedef void (*btf_trace_visited)(void *, struct node *);
    void __bpf_trace_named(void *__data, struct node *node);
    """
    blob = BtfBlob()
    integer = blob.integer(Kind.INT, "int", 4, signed=True)
    long = blob.integer(Kind.INT, "long int", 8, signed=True)
    char = blob.integer(Kind.INT, "char", 1, signed=True)
    unsigned = blob.integer(Kind.INT, "unsigned int", 4)
    inner = blob.record(
        Kind.STRUCT,
        "inner",
        24,
        [("a", long, 0, 0), ("list", blob.array(Kind.ARRAY, integer, 4, unsigned), 64, 0)],
    )
    blob.values(Kind.ENUM, "color", [("RED", -1), ("BLUE", 7)])
    blob.wide_values(Kind.ENUM64, "wide", [("HUGE", 1 << 40)])
    tag = blob.array(Kind.ARRAY, char, 16, unsigned)
    unnamed = blob.record(Kind.STRUCT, "", 16, [("tag", tag, 0, 0)])
    union = blob.record(Kind.UNION, "", 16, [("", unnamed, 0, 0), ("word", long, 0, 0)])
    constant = blob.add(Kind.CONST, word=inner)
    parts = blob.add(Kind.CONST, word=blob.add(Kind.PTR, word=inner))
    hidden = blob.add(Kind.PTR, word=blob.add(Kind.FWD, "hidden"))
    tail = blob.array(Kind.ARRAY, integer, 0, unsigned)
    node_id = tail + 2
    pointer = blob.add(Kind.PTR, word=node_id)
    node = blob.record(
        Kind.STRUCT,
        "node",
        80,
        [
            ("first", integer, 0, 0),
            ("", union, 8 * 8, 0),
            ("low", unsigned, 24 * 8, 3),
            ("high", unsigned, 24 * 8 + 3, 30),
            ("next", pointer, 32 * 8, 0),
            ("nested", constant, 40 * 8, 0),
            ("parts", parts, 64 * 8, 0),
            ("hidden", hidden, 72 * 8, 0),
            ("tail", tail, 80 * 8, 0),
        ],
    )
    assert node == node_id
    typedef = blob.add(Kind.TYPEDEF, "node_t", word=node)
    text = blob.add(Kind.PTR, word=blob.add(Kind.CONST, word=char))
    callee = blob.prototype(Kind.FUNC_PROTO, integer, [("", blob.add(Kind.PTR, word=typedef))])
    call = blob.add(Kind.PTR, word=callee)
    parameters = [("node", pointer), ("name", text), ("call", call), ("", 0)]
    visit = blob.prototype(Kind.FUNC_PROTO, integer, parameters)
    blob.add(Kind.FUNC, "visit", word=visit)
    nothing = blob.add(Kind.PTR, word=0)
    traced = blob.prototype(Kind.FUNC_PROTO, 0, [("", nothing), ("", pointer)])
    blob.add(Kind.TYPEDEF, "btf_trace_visited", word=blob.add(Kind.PTR, word=traced))
    named = blob.prototype(Kind.FUNC_PROTO, 0, [("__data", nothing), ("node", pointer)])
    blob.add(Kind.FUNC, "__bpf_trace_named", word=named)
    return blob.image()


@pytest.fixture(scope="module")
def types_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The types in a file."""
    place = tmp_path_factory.mktemp("btf") / "other-machine"
    place.write_bytes(make_image())
    return place


@pytest.fixture(scope="module")
def btf(types_file: Path) -> Btf:
    """The types."""
    return Btf.from_file(types_file)


def test_function(btf: Btf) -> None:
    """A function has its parameters, and a prototype as people write it."""
    function = btf.find_function("visit")

    assert function is not None
    assert ["node", "name", "call", ""] == [each.name for each in function.parameters]
    assert (
        "int visit(struct node *node, const char *name, int (*call)(node_t *), ...)"
        == function.prototype
    )
    assert btf.find_function("visitor") is None


def test_kinds_of_parameters(btf: Btf) -> None:
    """Pointers, texts, integers and structs are told apart, also behind const and typedef."""
    function = btf.find_function("visit")
    assert function is not None
    node, name, *_ = (each.type_id for each in function.parameters)

    assert ("struct node *", "const char *") == (btf.type_text(node), btf.type_text(name))
    assert ("node", None) == (btf.struct_name(node), btf.struct_name(name))
    assert (False, True) == (btf.is_char_pointer(node), btf.is_char_pointer(name))
    assert btf.is_signed_int(function.return_type_id)
    assert not btf.is_integer(node)
    assert btf.pointee(function.return_type_id) is None
    assert 80 == btf.size(btf.struct("node_t"))


@pytest.mark.parametrize(
    ("member", "offset", "size", "bits"),
    [
        ("first", 0, 4, (0, 0)),
        ("tag", 8, 16, (0, 0)),
        ("tag[15]", 23, 1, (0, 0)),
        ("word", 8, 8, (0, 0)),
        ("low", 24, 4, (0, 3)),
        ("high", 24, 8, (3, 30)),
        ("nested.a", 40, 8, (0, 0)),
        ("nested.list[2]", 56, 4, (0, 0)),
        ("tail", 80, 0, (0, 0)),
        ("tail[9]", 116, 4, (0, 0)),
    ],
)
def test_members(btf: Btf, member: str, offset: int, size: int, bits: tuple[int, int]) -> None:
    """Every member is where the declarations put it, a bit field in a unit that holds it."""
    found = btf.member("node", member)

    assert (offset, size) == (found.offset_bytes, found.size_bytes)
    assert bits == (found.bit_offset, found.bit_size)
    assert btf.has_member("struct node", member)


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("frist", r'struct node has no member "frist" \(did you mean "first"\?\)'),
        ("nested.lists", r'struct inner has no member "lists" \(did you mean "list"\?\) \(in "ne'),
        ("next.first", r'struct node \* is a pointer, so "first" of "next.first" is in another'),
        ("first.x", r'"x" \(in "first.x"\) is looked for in int, which has no members'),
        ("nested.list[4]", r'"list\[4\]" \(in .*\) is outside of int list\[4\]'),
        ("first[0]", r'"first" \(in "first\[0\]"\) is int, not an array'),
        ("a->b", r'"a->b" in "a->b" is no member: write names joined by dots'),
        (".".join("abcdefghijk"), r"goes 11 levels deep; at most 10"),
    ],
)
def test_wrong_members(btf: Btf, member: str, message: str) -> None:
    """A path that leads nowhere says which part, and what is near."""
    with pytest.raises(BtfError, match=message):
        btf.member("node", member)
    assert not btf.has_member("node", member)


def test_wrong_struct(btf: Btf) -> None:
    """A struct that is not there is named, with a near one."""
    with pytest.raises(BtfError, match=r'no struct "nodd" in this kernel \(did you mean "node"'):
        btf.member("nodd", "first")
    assert not btf.has_member("nodd", "first")


@pytest.mark.parametrize(
    ("path", "steps", "size"),
    [
        ("first", [(0, False)], 4),
        ("nested.list[3]", [(60, False)], 4),
        ("next.next.word", [(32, True), (32, True), (8, False)], 8),
        ("parts.a", [(64, True), (0, False)], 8),
        ("parts[2].list[1]", [(64, True), (60, False)], 4),
        ("next.high", [(32, True), (24, False)], 8),
        ("hidden", [(72, False)], 8),
    ],
)
@pytest.mark.parametrize("by_pointer", [True, False], ids=["pointer", "struct"])
def test_resolve(
    btf: Btf, path: str, steps: list[tuple[int, bool]], size: int, *, by_pointer: bool
) -> None:
    """A path follows pointers, whether it begins at a struct or at a pointer to it."""
    function = btf.find_function("visit")
    assert function is not None
    start = function.parameters[0].type_id if by_pointer else btf.struct("node")

    resolved = btf.resolve(start, path)

    assert tuple(Step(*step) for step in steps) == resolved.steps
    assert size == resolved.size


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("next.nxt", r'struct node has no member "nxt" \(did you mean "next"\?\) \(in "next.nxt"'),
        ("hidden.x", r'"x" \(in "hidden.x"\) is looked for in struct hidden, whose members are'),
    ],
)
def test_unresolved(btf: Btf, path: str, message: str) -> None:
    """What cannot be resolved is named with the struct it is looked for in."""
    with pytest.raises(BtfError, match=message):
        btf.resolve(btf.struct("node"), path)


def test_enums(btf: Btf) -> None:
    """Values of enums have their sign and all of their bits."""
    assert (-1, 7) == (btf.enum_value("color", "RED"), btf.enum_value("color", "BLUE"))
    assert 1 << 40 == btf.enum_value("wide", "HUGE")
    with pytest.raises(BtfError, match=r'enum color has no value "BLU" \(did you mean "BLUE"'):
        btf.enum_value("color", "BLU")


def test_raw_tracepoints(btf: Btf) -> None:
    """The first parameter, the kernel's own, is dropped; names are there if the function is."""
    visited, named = btf.find_raw_tracepoint("visited"), btf.find_raw_tracepoint("named")

    assert visited is not None
    assert named is not None
    assert "void visited(struct node *)" == visited.prototype
    assert "void named(struct node *node)" == named.prototype
    assert (True, False) == (bool(visited.type_id), bool(named.type_id))
    assert btf.find_raw_tracepoint("unnamed") is None


def test_kernel_of_a_file(types_file: Path) -> None:
    """Of another machine the functions are known, and what its kernel should be able to do."""
    kernel = Kernel.from_btf(types_file)

    assert kernel.symbols.has("visit")
    assert not kernel.symbols.has("visi")
    assert ' (did you mean "visit"?)' == kernel.symbols.near("vist")
    assert kernel.abilities.can_fentry
    assert not kernel.abilities.can_kprobe


def test_no_types(tmp_path: Path) -> None:
    """A file without types is an error that names it."""
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"no types here, but enough of bytes for a header")

    with pytest.raises(BtfError, match=r"wrong cannot be read as BTF"):
        Btf.from_file(wrong)


def test_this_kernel() -> None:
    """Of the running kernel the things every kernel has are found."""
    btf = Btf.vmlinux()
    function = btf.find_function("security_file_permission")

    assert function is not None
    assert "int security_file_permission(struct file *file, int mask)" == function.prototype
    assert 16 == btf.member("task_struct", "comm").size_bytes
    assert btf.resolve(function.parameters[0].type_id, "f_path.dentry.d_inode.i_ino").size == 8
    assert btf is Btf.vmlinux()
