# SPDX-License-Identifier: Apache-2.0
"""Packets: struct sk_buff with the addresses and ports of its headers."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_core.policy.network_values import AF_INET, AF_INET6
from tetragon_sensors.kernel.btf import BtfError
from tetragon_sensors.policy.emitter import Stack
from tetragon_sensors.policy.record import SLOT

from .base import FP, R0, R1, R2, R7, R8, R9
from .endpoints import (
    DESTINATION_OPERATORS,
    ENDS,
    SOURCE_OPERATORS,
    At,
    Ends,
    EndsType,
    address_text,
    family_text,
    protocol_text,
)
from .structures import emit_copy

if TYPE_CHECKING:
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["Packet"]

_REST: Final = Struct("<IIIIII")
_MEMBERS: Final = ("hash", "len", "priority", "mark")
_SECURITY_PATH: Final = At.REST + 4 * len(_MEMBERS)
_TCP, _UDP = 6, 17
_IPV6_BYTES: Final = 40
_EXTENSIONS: Final = 7
"""Headers between that of IPv6 and the transport's, at most (RFC 8200, section 4.1)."""
_FRAGMENT, _AUTHENTICATION = 44, 51
_OTHER_EXTENSIONS: Final = (0, 43, 60)
_HEADER: Final = Stack.WIDE + 32
"""Address of the header that is being read."""


class Packet(EndsType):
    """struct sk_buff. Of a packet that is not IP, only the members of the structure are known."""

    names = ("skb",)
    struct = "sk_buff"
    payload_bytes = ENDS.size + _REST.size
    operators = SOURCE_OPERATORS | DESTINATION_OPERATORS

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        payload = plan.slot + SLOT
        asm.mov(R1, 0)
        for at in (plan.slot, *range(payload, payload + self.payload_bytes, 8)):
            asm.store(R7, at, R1, 8)
        for number, name in enumerate(_MEMBERS):
            emit_copy(emitter, payload + At.REST + 4 * number, R8, ("sk_buff", name), 4)
            if number == 0:
                asm.jump(R0, "s<", 0, failed)
        _emit_security_path(emitter, payload + _SECURITY_PATH)
        _emit_headers(emitter, payload)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        ends = Ends._make(ENDS.unpack_from(record, plan.slot + SLOT))
        rest = _REST.unpack_from(record, plan.slot + SLOT + ENDS.size)
        names = (*_MEMBERS, "sec_path_len", "sec_path_olen")
        value = {
            **dict(zip(names, rest, strict=True)),
            "saddr": address_text(ends.family, ends.source),
            "daddr": address_text(ends.family, ends.destination),
            "sport": ends.source_port,
            "dport": ends.destination_port,
            "proto": ends.protocol,
            "protocol": protocol_text(ends.protocol),
            "family": family_text(ends.family),
        }
        return ArgumentValue("skb_arg", value, plan.label)


def _emit_security_path(emitter: Emitter, to: int) -> None:
    """Lengths of the IPsec path, which is one of the packet's extensions if it is there."""
    asm, btf = emitter.asm, emitter.btf
    try:
        number = btf.enum_value("skb_ext_id", "SKB_EXT_SEC_PATH")
    except BtfError:
        return
    over = asm.new_label("extensions")
    emitter.load_member(R9, R8, "sk_buff", "active_extensions")
    asm.jump(R9, "&", 1 << number, has := asm.new_label("secured"))
    asm.goto(over)
    asm.label(has)
    emitter.load_member(R9, R8, "sk_buff", "extensions")
    offset = btf.member("skb_ext", "offset").offset_bytes + number
    emitter.load_kernel(R1, R9, offset, 1)
    asm.alu("lsh", R1, 3)
    asm.alu("add", R9, R1)
    emit_copy(emitter, to, R9, ("sec_path", "len"), 4)
    emit_copy(emitter, to + 4, R9, ("sec_path", "olen"), 4)
    asm.label(over)


def _emit_headers(emitter: Emitter, payload: int) -> None:
    asm = emitter.asm
    six, ports, over = (asm.new_label(name) for name in ("inet6", "ports", "packet"))
    emitter.load_member(R9, R8, "sk_buff", "head")
    emitter.load_member(R1, R8, "sk_buff", "network_header")
    asm.alu("add", R9, R1)
    emitter.load_kernel(R1, R9, 0, 1)
    asm.alu("rsh", R1, 4)
    asm.jump(R1, "==", 6, six)
    asm.jump(R1, "!=", 4, over)
    asm.store(R7, payload + At.FAMILY, AF_INET, 2)
    emit_copy(emitter, payload + At.PROTOCOL, R9, ("iphdr", "protocol"), 1)
    emit_copy(emitter, payload + At.SOURCE, R9, ("iphdr", "saddr"), 4)
    emit_copy(emitter, payload + At.DESTINATION, R9, ("iphdr", "daddr"), 4)
    emitter.load_kernel(R1, R9, 0, 1)
    asm.alu("and", R1, 15)
    asm.alu("lsh", R1, 2)  # the header's length is in words
    asm.alu("add", R9, R1)
    asm.goto(ports)
    asm.label(six)
    asm.store(R7, payload + At.FAMILY, AF_INET6, 2)
    emit_copy(emitter, payload + At.SOURCE, R9, ("ipv6hdr", "saddr"), 16)
    emit_copy(emitter, payload + At.DESTINATION, R9, ("ipv6hdr", "daddr"), 16)
    _emit_extensions(emitter, payload, over)
    asm.label(ports)
    _emit_ports(emitter, payload, over)
    asm.label(over)


def _emit_extensions(emitter: Emitter, payload: int, over: str) -> None:
    """R9 = address of the transport's header, from that of the IPv6 header in R9."""
    asm = emitter.asm
    transport = asm.new_label("transport")
    emitter.load_member(R8, R9, "ipv6hdr", "nexthdr")
    asm.alu("add", R9, _IPV6_BYTES)
    for _ in range(_EXTENSIONS):
        words, eights, following = (asm.new_label(name) for name in ("words", "eights", "next"))
        for kind in _OTHER_EXTENSIONS:
            asm.jump(R8, "==", kind, eights)
        asm.jump(R8, "==", _AUTHENTICATION, words)
        asm.jump(R8, "!=", _FRAGMENT, transport)
        emitter.load_kernel(R8, R9, 0, 1)
        asm.alu("add", R9, 8)
        asm.goto(following)
        for label, shift in ((words, 2), (eights, 3)):
            asm.label(label)
            emitter.load_kernel(R8, R9, 0, 2)  # the next header, and how long this one is
            asm.mov(R1, R8)
            asm.alu("rsh", R1, 8)
            asm.alu("lsh", R1, shift)
            asm.alu("add", R1, 8)
            asm.alu("add", R9, R1)
            asm.alu("and", R8, 0xFF)
            if label is words:
                asm.goto(following)
        asm.label(following)
    asm.goto(over)
    asm.label(transport)
    asm.store(R7, payload + At.PROTOCOL, R8, 2)


def _emit_ports(emitter: Emitter, payload: int, over: str) -> None:
    """From the transport's header at R9."""
    asm = emitter.asm
    known = asm.new_label("ports")
    asm.load(R1, R7, payload + At.PROTOCOL, 2)
    asm.jump(R1, "==", _TCP, known)
    asm.jump(R1, "!=", _UDP, over)
    asm.label(known)
    emitter.read_kernel(Stack.TEMPORARY, R9, 0, 4)
    asm.jump(R0, "s<", 0, over)
    for at, to in ((0, At.SOURCE_PORT), (2, At.DESTINATION_PORT)):
        asm.load(R2, FP, Stack.TEMPORARY + at, 2)
        asm.byte_swap(R2, 16)
        asm.store(R7, payload + to, R2, 2)
