# SPDX-License-Identifier: Apache-2.0
"""Policies about single packets, on their way through a kernel's functions."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from .case import Case, in_turn
from .network import connect_unix, connect_unix_and_leave, fresh, talk
from .values import Hit, number, packet, sock, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.hooks import ArgumentValue
    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["CASES"]

_LOCAL: Final = "127.0.0.1"
_DATA: Final = b"seen"
_LENGTH: Final = 20 + 8 + len(_DATA)
"""Of the packet: the headers of IP and UDP, and the data."""
_AS_PACKETS_COME: Final = frozenset(
    {"__cgroup_bpf_run_filter_skb", "sk_filter_trim_cap", "kfree_skb_reason"}
)
_NO_SOCKET: Final = 2
"""SKB_DROP_REASON_NO_SOCKET, before 5.19 and from 6.3 other numbers."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_BPF: Final = 321 if os.uname().machine == "x86_64" else 280
_CGROUP_SKB: Final = 8
_RETURN_1: Final = bytes.fromhex("b700000001000000 9500000000000000")


def send(port: int, *, address: str = _LOCAL, to: int = 0) -> None:
    """One datagram from `port` to itself, or to the port `to`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as both:
        both.bind((address, port))
        both.sendto(_DATA, (address, to or port))
        if not to:
            both.recv(100)


def send_and_leave(port: int, address: str) -> None:
    """The same, but the socket is not freed while this process is looked at."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    left = socket.socket(family, socket.SOCK_DGRAM)
    left.bind((address, port))
    left.sendto(_DATA, (address, port))
    left.recv(100)
    left.detach()


def bpf(command: int, attributes: bytes) -> int:
    """Ask the kernel for what the project itself does not need: programs of control groups."""
    result = int(_LIBC.syscall(_BPF, command, attributes, len(attributes)))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return result


@contextmanager
def filtering_cgroup() -> Iterator[None]:
    """Programs at the root cgroup that let all packets pass: without any, nothing is filtered."""
    code, licence = (ctypes.create_string_buffer(each) for each in (_RETURN_1, b"GPL"))
    root = os.open("/sys/fs/cgroup", os.O_RDONLY | os.O_DIRECTORY)
    attributes = (_CGROUP_SKB, 2, ctypes.addressof(code), ctypes.addressof(licence))
    program = bpf(5, struct.pack("=IIQQ40x", *attributes))
    attached = [struct.pack("=IIII", root, program, direction, 2) for direction in (0, 1)]
    try:
        for each in attached:
            bpf(8, each)
        yield
    finally:
        for each in attached:
            bpf(9, each[:12])
        os.close(program)
        os.close(root)


def inline(kernel: Kernel, name: str) -> str:
    """Why a function that is there cannot be had: the compiler made it part of its callers."""
    listed = kernel.tracefs.traceable
    if not listed or name in listed or not kernel.symbols.has(name):
        return ""
    by_fentry = f"to {name} by fentry: .* inline elsewhere"
    by_kprobe = f"by kprobe to {name}: .*the function cannot be probed"
    return f"cannot attach hook ({by_fentry}|{by_kprobe})"


def end(port: int, address: str = _LOCAL, label: str = "") -> ArgumentValue:
    """The socket of `send`, which is not connected."""
    nowhere = "::" if ":" in address else "0.0.0.0"
    return sock(address, port, nowhere, 0, "TCP_CLOSE", protocol="IPPROTO_UDP", label=label)


def datagrams(port: int, address: str) -> tuple[Hit, ...]:
    """Of a socket's whole life, which sends a datagram to itself."""
    six = ":" in address
    length = _LENGTH + 20 * six
    family, output = (10, "ip6_output") if six else (2, "ip_output")
    sent = packet(port, port, length, "datagram", address=address)
    received = packet(port, port, 8 + len(_DATA), "datagram", address=address)
    return (
        Hit("sk_alloc", (number(family),), fresh(family)),
        Hit(output, (end(port, address, "sock"), sent)),
        Hit("sk_filter_trim_cap", (end(port, address), received)),
        Hit("__sk_free", (end(0, address),)),
    )


def filtered(port: int, label: str = "") -> tuple[Hit, ...]:
    """Of __cgroup_bpf_run_filter_skb: on the way out, then on the way in, without IP's header."""
    return tuple(
        Hit(
            "__cgroup_bpf_run_filter_skb",
            (end(port), packet(port, port, length), number(direction, label)),
        )
        for direction, length in ((1, _LENGTH), (0, _LENGTH - 20))
    )


CASES: Final = (
    Case(
        policy="tracingpolicy/datagram",
        prepare=filtering_cgroup,
        act=lambda: send(4300),
        expected=filtered(4300),
        anywhere=_AS_PACKETS_COME,
        miss=connect_unix,
    ),
    Case(
        policy="tracingpolicy/datagram-with-selectors",
        prepare=filtering_cgroup,
        act=lambda: send(4310),
        expected=filtered(4310),
        anywhere=_AS_PACKETS_COME,
        miss=in_turn(lambda: send(4311, address="::1"), lambda: talk(_LOCAL, 4312)),
    ),
    Case(
        policy="tracingpolicy/datagram-with-sock-tracking",
        prepare=filtering_cgroup,
        act=lambda: send(4330),
        anywhere=_AS_PACKETS_COME,
        expected=(
            Hit("sk_alloc", (number(2, "family"),), fresh()),
            *filtered(4330, "send"),
            Hit("__sk_free", (end(0),)),
        ),
        miss=lambda: send_and_leave(4331, "::1"),
    ),
    Case(
        policy="tracingpolicy/datagram_518",
        act=in_turn(lambda: send(4340), lambda: send(4341, address="::1")),
        anywhere=_AS_PACKETS_COME,
        expected=(*datagrams(4340, _LOCAL), *datagrams(4341, "::1")),
        miss=connect_unix_and_leave,
    ),
    Case(
        policy="tracingpolicy/dev_queue_xmit",
        refused=lambda kernel: inline(kernel, "dev_queue_xmit"),
        act=lambda: send(4350),
        expected=(Hit("dev_queue_xmit", (packet(4350, 4350, _LENGTH + 14),)),),
        miss=connect_unix,
    ),
    Case(
        policy="tracingpolicy/stack_traces",
        act=lambda: send(4360, to=4361),
        anywhere=_AS_PACKETS_COME,
        expected=(
            Hit(
                "kfree_skb_reason",
                (packet(4360, 4361, _LENGTH - 20), number(_NO_SOCKET, "reason")),
            ),
        ),
        some=True,
        miss=lambda: send(4362),
    ),
    Case(
        policy="tracingpolicy/dev_hard_start_xmit",
        act=lambda: send(4320),
        expected=(Hit("dev_hard_start_xmit", (text("lo"),)),),
        miss=connect_unix,
    ),
)
