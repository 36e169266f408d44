# SPDX-License-Identifier: Apache-2.0
"""Bytes of arguments as the values that events show, by the names of the API's fields."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import TYPE_CHECKING, Final

import pytest

from tetragon_core.hooks import ArgumentValue
from tetragon_core.syscalls import HOST_ABI
from tetragon_sensors.policy.plan import ArgumentPlan, Array
from tetragon_sensors.policy.record import HitHeader
from tetragon_sensors.policy.rest import BUFFER_BYTES, RestOfBytes, append_bytes
from tetragon_sensors.policy.types import find_type
from tetragon_sensors.policy.types.endpoints import address_text, family_text, protocol_text

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOT: Final = 8
"""Where the tests' only slot is."""


def shown(
    name: str, payload: bytes, text: bytes = b"", *, error: int = 0, array: Array | None = None
) -> Sequence[ArgumentValue]:
    """Values of a record with one argument of that type."""
    kind = find_type(name)
    assert kind is not None
    plan = ArgumentPlan(type=kind, index=0, slot=SLOT, label="seen", array=array)
    at = SLOT + 8 + len(payload)
    head = struct.pack("<Ii", at, error or len(text))
    return kind.values(bytes(SLOT) + head + payload + text, plan)


def value_of(name: str, payload: bytes, text: bytes = b"") -> object:
    """The only value."""
    (found,) = shown(name, payload, text)
    assert found.label == "seen"
    return found.value


def ends(family: int, source: str, destination: str, *numbers: int) -> bytes:
    """Start of the payload of everything that has ends."""
    packed = [ipaddress.ip_address(one).packed.ljust(16, b"\0") for one in (source, destination)]
    return b"".join(packed) + struct.pack("<HHHH", family, *numbers)


def test_sock() -> None:
    """Names where there are some, else decimal numbers."""
    rest = struct.pack("<BxHIIQ", 2, 1, 7, 3, 0xFFFF_8880_0000_1000)
    known = value_of("sock", ends(2, "10.0.0.1", "10.0.0.2", 6, 4000, 443) + rest)
    other = struct.pack("<BxHIIQ", 13, 9, 0, 0, 1)
    unknown = value_of("socket", ends(99, "::1", "::2", 300, 0, 0) + other)

    assert known == {
        "family": "AF_INET",
        "type": "SOCK_STREAM",
        "protocol": "IPPROTO_TCP",
        "mark": 7,
        "priority": 3,
        "saddr": "10.0.0.1",
        "daddr": "10.0.0.2",
        "sport": 4000,
        "dport": 443,
        "cookie": 0xFFFF_8880_0000_1000,
        "state": "TCP_SYN_SENT",
    }
    assert unknown == {
        "family": "99",
        "type": "9",
        "protocol": "300",
        "state": "13",
        "mark": 0,
        "priority": 0,
        "saddr": "invalid IP",
        "daddr": "invalid IP",
        "sport": 0,
        "dport": 0,
        "cookie": 1,
    }


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("::", "::"),
        ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("::192.0.2.1", "::c000:201"),
        ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ],
)
def test_addresses_of_inet6(address: str, expected: str) -> None:
    """Addresses are printed as RFC 5952 says, mapped ones with dots, others never."""
    assert expected == address_text(socket.AF_INET6, ipaddress.ip_address(address).packed)


def test_names_of_numbers() -> None:
    """A number with two names has the first one; some that filters know are not printed."""
    assert [family_text(number) for number in (0, 1, 10, 22, 45, 46)] == [
        *("AF_UNSPEC", "AF_UNIX", "AF_INET6", "22", "AF_MCTP", "46"),
    ]
    assert [protocol_text(number) for number in (0, 17, 58, 262)] == [
        *("IPPROTO_IP", "IPPROTO_UDP", "58", "IPPROTO_MPTCP"),
    ]


def test_packet() -> None:
    """A packet that is not IP has the members of its structure only."""
    payload = bytes(40) + struct.pack("<6I", 1, 2, 3, 4, 5, 6)

    assert value_of("skb", payload) == {
        "hash": 1,
        "len": 2,
        "priority": 3,
        "mark": 4,
        "sec_path_len": 5,
        "sec_path_olen": 6,
        "saddr": "invalid IP",
        "daddr": "invalid IP",
        "sport": 0,
        "dport": 0,
        "proto": 0,
        "protocol": "IPPROTO_IP",
        "family": "AF_UNSPEC",
    }


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "CAP_CHOWN"), (1, "DAC_OVERRIDE"), (40, "CAP_CHECKPOINT_RESTORE"), (41, ""), (-1, "")],
)
def test_capability(number: int, name: str) -> None:
    """The name is Tetragon's, and empty for a number without one."""
    payload = struct.pack("<q", number)

    assert value_of("capability", payload) == {"value": number, "name": name}


def test_numbers_in_texts() -> None:
    """Capability sets have sixteen digits; a bit in a call's number tells of 32-bit programs."""
    other = {"x64": "i386", "arm64": "arm32"}[HOST_ABI]

    assert value_of("kernel_cap_t", struct.pack("<Q", 0x1FF)) == "00000000000001ff"
    assert value_of("syscall64", struct.pack("<Q", 257)) == {"id": 257, "abi": HOST_ABI}
    assert value_of("syscall64", struct.pack("<Q", 1 << 31 | 5)) == {"id": 5, "abi": other}


def test_modules() -> None:
    """The name ends at its NUL; only taints that modules can have are shown."""
    taints = (1 << 0) | (1 << 9) | (1 << 12) | (1 << 13)
    module = struct.pack("<Q64s", taints, b"overlay\0old text")
    loading = struct.pack("<QQB", 1, 0, 1)

    assert value_of("module", module) == {"name": "overlay", "tainted": [1, 4096, 8192]}
    assert value_of("load_info", loading, b"overlay") == {
        "name": "overlay",
        "signature_ok": True,
        "tainted": [],
    }


def test_bpf_objects() -> None:
    """Types without a name of Tetragon's are numbers."""
    program = struct.pack("<II16s", 32, 7, b"a_name_of_fifte")
    table = struct.pack("<5I16s", 27, 0, 0, 4096, 0, b"ring")[:16] + b"ring".ljust(16, b"\0")

    assert value_of("bpf_prog", program) == {
        "ProgType": "32",
        "InsnCnt": 7,
        "ProgName": "a_name_of_fifte",
    }
    assert value_of("bpf_map", table) == {
        "MapType": "BPF_MAP_TYPE_RINGBUF",
        "KeySize": 0,
        "ValueSize": 0,
        "MaxEntries": 4096,
        "MapName": "ring",
    }


def test_arrays() -> None:
    """Words are values of their own, characters a text, other bytes bytes; `nop` is nothing."""
    words = struct.pack("<3Q", 1, 1 << 63, 3)

    assert [ArgumentValue("size_arg", one, "seen") for one in (1, 1 << 63, 3)] == list(
        shown("const_buf", b"", words, array=Array(3, 8, is_text=False))
    )
    assert (ArgumentValue("string_arg", "bash", "seen"),) == shown(
        "const_buf", b"", b"bash\0old", array=Array(8, 1, is_text=True)
    )
    assert (ArgumentValue("bytes_arg", b"\1\2", "seen"),) == shown(
        "const_buf", b"", b"\1\2", array=Array(2, 1, is_text=False)
    )
    assert shown("nop", b"") == ()


@pytest.mark.parametrize("name", ["sock", "cred", "const_buf", "sockaddr_un", "kernel_cap_t"])
def test_unreadable(name: str) -> None:
    """What could not be read is an error with a message, whatever the type."""
    (found,) = shown(name, bytes(200), error=-14)

    assert found == ArgumentValue("error_arg", {"Message": "Bad address for basic type"}, "seen")


def header(tid: int = 5) -> HitHeader:
    """Of the hit that bytes belong to."""
    return HitHeader(*[0] * 16)._replace(tid=tid, ktime=77, hook=3)


def rest(content: bytes, offset: int, position: int = 0) -> bytes:
    """A record of bytes that follow."""
    head = struct.pack("<IHHIIIIQII", 0, 18, position, 3, len(content), 5, 0, 77, offset, 0)
    return head + content


def test_bytes_that_follow() -> None:
    """Parts are joined in order; what is behind a gap is left out, and taken bytes are gone."""
    parts = RestOfBytes()
    parts.add(rest(b"first", BUFFER_BYTES))
    parts.add(rest(b"other", BUFFER_BYTES, position=1))
    parts.add(rest(b"second", BUFFER_BYTES + 5))
    parts.add(rest(b"behind a gap", BUFFER_BYTES + 12))

    assert parts.take(header(tid=6), 0) == b""
    assert parts.take(header(), 0) == b"firstsecond"
    assert parts.take(header(), 0) == b""
    assert parts.take(header(), 1) == b"other"
    with pytest.raises(ValueError, match="shorter than their header"):
        parts.add(bytes(10))


def test_appended_bytes() -> None:
    """A buffer that is whole now is no longer called truncated."""
    cut = ArgumentValue("truncated_bytes_arg", {"bytes_arg": b"ab", "orig_size": 4}, "seen")
    error = ArgumentValue("error_arg", {"Message": "no"}, "seen")

    assert append_bytes(cut, b"cd") == ArgumentValue("bytes_arg", b"abcd", "seen")
    assert append_bytes(cut, b"c") == cut._replace(value={"bytes_arg": b"abc", "orig_size": 4})
    assert append_bytes(error, b"cd") == error
