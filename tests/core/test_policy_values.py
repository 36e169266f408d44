# SPDX-License-Identifier: Apache-2.0
"""Values in policies: numbers, ranges, networks, names and times."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tetragon_core.policy.argument_types import ARGUMENT_TYPES, allowed_operators
from tetragon_core.policy.file_types import parse_file_type
from tetragon_core.policy.network_values import (
    FAMILIES,
    Network,
    parse_family,
    parse_network,
    parse_ports,
    parse_protocol,
    parse_tcp_state,
)
from tetragon_core.policy.numbers import (
    integer_limits,
    parse_integer,
    parse_range,
    parse_sized_integer,
)
from tetragon_core.policy.rate_limits import parse_rate_limit
from tetragon_core.policy.syscall_names import looks_like_syscall, parse_syscall_name
from tetragon_core.policy.task_names import (
    CAPABILITIES,
    capability_bit,
    capability_mask,
    capability_names,
    namespace_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parse_integer, "0", 0),
        (parse_integer, "-12", -12),
        (parse_integer, " +7 ", 7),
        (parse_integer, "0x1F", 31),
        (parse_integer, "-0x10", -16),
        (parse_integer, "0755", 0o755),
        (parse_integer, "0o17", 15),
        (parse_integer, "0b101", 5),
        (parse_integer, "1_000", 1000),
        (parse_ports, "443", (443, 443)),
        (parse_ports, "8000:8080", (8000, 8080)),
        (parse_protocol, "IPPROTO_TCP", (6, 6)),
        (parse_protocol, "ipproto_udp", (17, 17)),
        (parse_protocol, "262", (262, 262)),
        (parse_family, "AF_INET6", (10, 10)),
        (parse_family, "AF_LOCAL", (1, 1)),
        (parse_family, "2:10", (2, 10)),
        (parse_tcp_state, "TCP_ESTABLISHED", (1, 1)),
        (parse_tcp_state, "TCP_NEW_SYN_RECV", (12, 12)),
        (parse_network, "10.1.2.3", Network(2, bytes([10, 1, 2, 3]), 32)),
        (parse_network, "10.1.2.3/8", Network(2, bytes([10, 0, 0, 0]), 8)),
        (parse_network, "0.0.0.0/0", Network(2, bytes(4), 0)),
        (parse_network, "::1", Network(10, bytes(15) + b"\1", 128)),
        (parse_network, "fe80::/10", Network(10, b"\xfe\x80" + bytes(14), 10)),
        (parse_file_type, "dir", stat.S_IFDIR),
        (parse_file_type, "Pipe", stat.S_IFIFO),
        (parse_rate_limit, "90", 90_000),
        (parse_rate_limit, "90s", 90_000),
        (parse_rate_limit, "5M", 300_000),
        (parse_rate_limit, "1h", 3_600_000),
        (parse_rate_limit, "9999999h", 2**32 - 1),
        (parse_syscall_name, "sys_read", ("", "read")),
        (parse_syscall_name, "__x64_sys_read", ("x64", "read")),
        (parse_syscall_name, "i386/sys_read", ("i386", "read")),
        (parse_syscall_name, "arm32/__arm64_sys_read", ("arm32", "read")),
        (capability_bit, "CAP_SYS_ADMIN", 21),
        (capability_bit, "cap_checkpoint_restore", 40),
        (capability_bit, "net_raw", 13),
        (capability_mask, "CAP_CHOWN, CAP_KILL", 1 | 1 << 5),
        (capability_mask, "0x1f", 31),
        (namespace_name, "pidforchildren", "PidForChildren"),
    ],
)
def test_a_value_is_understood(parse: Callable[[str], object], text: str, expected: object) -> None:
    """Each way of writing it that Tetragon has."""
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_integer, ""),
        (parse_integer, "0x"),
        (parse_integer, "08"),
        (parse_integer, "1.5"),
        (parse_integer, "٣"),
        (parse_integer, "1" * 100),
        (parse_ports, "-1"),
        (parse_ports, "5:4"),
        (parse_network, "10.0.0"),
        (parse_network, "10.0.0.0/255.0.0.0"),
        (parse_network, "fe80::1%eth0"),
        (parse_network, "10.0.0.0/"),
        (parse_rate_limit, ""),
        (parse_rate_limit, "s"),
        (parse_rate_limit, "-5"),
        (parse_syscall_name, "read"),
        (parse_syscall_name, "i386/__x64_sys_read"),
        (parse_syscall_name, "sys_a/sys_b/sys_c"),
        (capability_mask, "CAP_CHOWN,"),
    ],
)
def test_a_wrong_value_is_a_value_error(parse: Callable[[str], object], text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("signed", [True, False])
def test_a_number_has_to_fit_its_type(bits: int, *, signed: bool) -> None:
    """The limits are in, the next number is not."""
    low, high = integer_limits(bits, signed=signed)

    assert low == parse_sized_integer(str(low), bits, signed=signed)
    assert high == parse_sized_integer(hex(high), bits, signed=signed)
    for beyond in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"does not fit (un)?signed {bits} bits"):
            parse_sized_integer(str(beyond), bits, signed=signed)


def test_the_bits_of_a_signed_number_may_be_written_in_hexadecimal() -> None:
    """AT_FDCWD is often seen as 0xffffff9c."""
    assert -100 == parse_sized_integer("0xffffff9c", 32, signed=True)


def test_a_range_has_two_ends_in_order() -> None:
    """Both are included, and both fit the type."""
    assert (-5, 5) == parse_range("-5:5", 8, signed=True)
    for text in ("5", "6:5", "0:256", ":", "1:2:3"):
        with pytest.raises(ValueError, match=r"."):
            parse_range(text, 8, signed=False)


def test_capabilities_go_both_ways() -> None:
    """Bit n has name n; bits the kernel may have later have none."""
    every = capability_names(2**64 - 1)

    assert every == CAPABILITIES
    assert [capability_bit(name) for name in every] == list(range(41))
    assert ("CAP_CHOWN", "CAP_BPF") == capability_names(1 << 39 | 1)


def test_families_are_the_kernels() -> None:
    """A few of a long list, from its beginning to its end."""
    some = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_VSOCK": 40}

    assert some == {name: FAMILIES[name] for name in some}
    assert 45 == FAMILIES["AF_MCTP"]


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("sys_read", True),
        ("__x64_sys_read", True),
        ("i386/sys_read", True),
        ("fd_install", False),
        ("security_file_open", False),
        ("x86/sys_read", False),
        ("ksys_read", False),
    ],
)
def test_system_calls_are_known_by_their_form(symbol: str, *, expected: bool) -> None:
    """No kernel is asked."""
    assert expected is looks_like_syscall(symbol)


def test_every_type_has_its_operators() -> None:
    """Numbers are compared, texts have ends, sockets have addresses, credentials have no filter."""
    assert ("Equal", "NotEqual", "GT", "LT", "Mask") == allowed_operators("int")[:5]
    assert "Postfix" in allowed_operators("char_buf")
    assert "FileType" in allowed_operators("path")
    assert "State" in set(allowed_operators("sock")) - set(allowed_operators("skb"))
    assert "DAddr" not in allowed_operators("sockaddr")
    assert "Prefix" in allowed_operators("sockaddr_un")
    assert () == allowed_operators("cred")
    assert all(isinstance(allowed_operators(name), tuple) for name in ARGUMENT_TYPES)
