# SPDX-License-Identifier: Apache-2.0
"""Buffers, arrays and lists of buffers as arguments, and texts that are found in them."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

import pytest

from kernel.registers import FIRST_ARGUMENT
from kernel.typed_policies import function, needs_functions, tracepoint, values
from tetragon_core.hooks import ArgumentValue
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from kernel.policies import PolicyRun

IN_RECORD: Final = 4095
"""Bytes of a buffer that its record has room for."""
MOST: Final = 327_360
"""Bytes of a buffer with maxData."""
WRITE: Final = "syscalls/sys_enter_write"
BUFFER: Final = "{index: 6, type: char_buf, sizeArgIndex: 8}"
MARK: Final = "mark"
DATA: Final = f"data: [{{type: uint64, source: pt_regs, resolve: {FIRST_ARGUMENT}}}],"


def write(*buffers: bytes) -> None:
    """Write to nowhere."""
    nowhere = os.open("/dev/null", os.O_WRONLY)
    for one in buffers:
        os.write(nowhere, one)


@pytest.mark.parametrize(
    "size", [IN_RECORD, IN_RECORD + 1, IN_RECORD + 4096, 100_000, MOST - 1, MOST, MOST + 1, 400_000]
)
def test_whole_buffer(run: PolicyRun, size: int) -> None:
    """With maxData a buffer is there to its last byte, or to the most that is sent."""
    content = (MARK.encode() + bytes(range(251)) * (size // 251 + 1))[:size]
    argument = BUFFER.replace("}", ", maxData: true}")
    text = tracepoint(WRITE, argument, f"index: 6, operator: Prefix, values: [{MARK}]")

    (hit,) = run.hits(text, lambda: write(content))

    cut = {"bytes_arg": content[:MOST], "orig_size": size}
    whole = ArgumentValue("bytes_arg", content)
    expected = whole if size <= MOST else ArgumentValue("truncated_bytes_arg", cut)
    assert (expected,) == hit.arguments


def test_cut_buffer(run: PolicyRun) -> None:
    """Without maxData there are the first bytes, and how many there were."""
    content = MARK.encode() * 2000
    text = tracepoint(WRITE, BUFFER, f"index: 6, operator: Prefix, values: [{MARK}]")

    shown = values(run, text, lambda: write(content, content[1:]))

    assert [[{"bytes_arg": content[:IN_RECORD], "orig_size": len(content)}]] == shown


def test_sub_string(run: PolicyRun) -> None:
    """A text is found anywhere in the bytes that were read, and only there."""
    found = [b"needle", b"xneedle", b"needlex", b"needneedle", b"a\0needle"]
    found.append(b"x" * 4089 + b"needle")
    missed = [b"", b"needl", b"eedle", b"Needle", b"x" * 4090 + b"needle", b"need\0le"]
    long = "a" * 99
    text = tracepoint(WRITE, BUFFER, f"index: 6, operator: SubString, values: [needle, {long}]")

    shown = values(run, text, lambda: write(*found, *missed, b"b" * 50 + b"a" * 100, b"a" * 98))

    assert [[one] for one in (*found, b"b" * 50 + b"a" * 100)] == shown


def test_sub_string_ignoring_case(run: PolicyRun) -> None:
    """Letters match in upper and lower case; other bytes match themselves only."""
    found = [b"_NEEDLE[1]@x", b"_needle[1]@x"]
    missed = [b"_needle{1}@x", b"_needle[1]`x", b"\x1fneedle[1]@x", b"_needle[q]@x"]
    operator = "SubStringIgnCase"
    text = tracepoint(WRITE, BUFFER, f"index: 6, operator: {operator}, values: ['_neEDle[1]@X']")

    shown = values(run, text, lambda: write(*found, *missed))

    assert [[one] for one in found] == shown


def test_many_sub_strings(run: PolicyRun) -> None:
    """A hundred texts of 99 bytes each are not too many."""
    wanted = [f"{number:03}" + "abcdefgh" * 12 for number in range(100)]
    text = tracepoint(WRITE, BUFFER, f"index: 6, operator: SubString, values: {wanted}")
    last = b"z" * 1000 + wanted[-1].encode()

    shown = values(run, text, lambda: write(last, last[:-1]))

    assert [[last]] == shown


def test_list_of_buffers(run: PolicyRun) -> None:
    """The bytes of all buffers of a list are shown one after the other, cut where a buffer is."""
    text = tracepoint(
        "syscalls/sys_enter_writev",
        "{index: 6, type: char_iovec, sizeArgIndex: 8}, {index: 5, type: nop}",
        "index: 6, operator: Prefix, values: [first]",
    )

    def write_lists() -> None:
        nowhere = os.open("/dev/null", os.O_WRONLY)
        os.writev(nowhere, [b"first", b"", b"second"])
        os.writev(nowhere, [b"firs", b"second"])
        os.writev(nowhere, [b"fir", b"st", b"x" * 5000, b"y"])

    cut = {"bytes_arg": b"first" + b"x" * (IN_RECORD - 5), "orig_size": 5006}
    assert [[b"firstsecond"], [cut]] == values(run, text, write_lists)


def test_iterator_over_buffers(run: PolicyRun) -> None:
    """Of an iterator over buffers the first one is shown."""
    call, argument = "sock_write_iter", "{index: 1, type: iov_iter}"
    prefix = "index: 1, operator: Prefix, values: [first]"
    if not needs_functions(run, function(call, argument)):
        return

    def send() -> None:
        one, other = socket.socketpair()
        with one, other:
            os.write(one.fileno(), b"first and only")
            os.writev(one.fileno(), [b"first", b"second"])
            os.writev(one.fileno(), [b"firs", b"tsecond"])

    assert [[b"first and only"], [b"first"]] == values(run, function(call, argument, prefix), send)


@pytest.mark.parametrize("more", ["", DATA])
def test_buffer_at_return(run: PolicyRun, more: str) -> None:
    """Bytes that a call hands back are read when it returns, as many as it says."""
    arguments = "{index: 0, type: int}, {index: 1, type: char_buf, returnCopy: true}"
    result = f"return: true, returnArg: {{index: 0, type: long}}, {more}"
    reading, writing = os.pipe()
    text = function(
        "sys_read", arguments, f'index: 0, operator: Equal, values: ["{reading}"]', more=result
    )
    if more and not needs_functions(run, text):
        return

    def read() -> None:
        for content in (b"first", b"x" * 5000):
            os.write(writing, content)
            os.read(reading, 10_000)

    hits = run.hits(text, read)
    os.close(reading)
    os.close(writing)

    cut = {"bytes_arg": b"x" * IN_RECORD, "orig_size": 5000}
    assert [[reading, b"first"], [reading, cut]] == [
        [one.value for one in hit.arguments] for hit in hits
    ]
    assert [5, 5000] == [hit.return_value.value for hit in hits if hit.return_value]


def test_array_of_words(run: PolicyRun) -> None:
    """Each word of an array in a tracepoint's record is a value."""
    text = tracepoint(
        "raw_syscalls/sys_enter",
        "{index: 4, type: syscall64}, {index: 5, type: auto}",
        'index: 4, operator: Equal, values: ["19"]',
    )

    ((first, *rest),) = values(run, text, lambda: os.readv(os.open("/dev/null", 0), [bytearray(3)]))

    assert first == {"id": 19, "abi": "x64"}
    assert len(rest) == 6
    assert rest[2] == 1


def test_text_in_a_record(run: PolicyRun) -> None:
    """An array of characters in a tracepoint's record is a text."""
    text = tracepoint("task/task_rename", "{index: 6, type: auto}")

    def rename() -> None:
        with open("/proc/self/comm", "w") as comm:  # noqa: PTH123  the least Python code between
            comm.write("renamed")

    assert values(run, text, rename) == [["renamed"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            function(
                "sys_read",
                "{index: 1, type: char_buf, returnCopy: true}",
                "index: 1, operator: Equal, values: [x]",
                more="return: true, returnArg: {index: 0, type: long},",
            ),
            "has its bytes when the function returns",
        ),
        (
            tracepoint(
                "raw_syscalls/sys_enter",
                "{index: 5, type: auto}",
                "index: 5, operator: Equal, values: ['1']",
            ),
            "operator Equal does not work on an argument of type const_buf; allowed: none",
        ),
        (
            tracepoint(
                "raw_syscalls/sys_enter",
                "{index: 4, type: auto}",
                "index: 4, operator: Equal, values: [read]",
            ),
            "read",
        ),
    ],
    ids=["late", "array", "number"],
)
def test_refused_filters(run: PolicyRun, text: str, message: str) -> None:
    """Filters that the kernel's types make impossible are refused with the reason."""
    with pytest.raises(PolicyError, match=message), run.loaded(text):
        pass
