# SPDX-License-Identifier: Apache-2.0
"""Sockets and socket addresses."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_core.policy.network_values import AF_INET, AF_INET6, parse_family
from tetragon_sensors.policy.integers import IntegerSet, emit_membership
from tetragon_sensors.policy.record import LIMIT, SLOT, Offset
from tetragon_sensors.program.opcodes import Helper

from .base import R0, R1, R2, R3, R7, R8, R9
from .endpoints import (
    DESTINATION_OPERATORS,
    ENDS,
    SOURCE_OPERATORS,
    STATE_NAMES,
    At,
    Ends,
    EndsType,
    address_text,
    family_text,
    protocol_text,
)
from .structures import emit_copy, emit_gather
from .texts import TEXT_OPERATORS, Text

if TYPE_CHECKING:
    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["SOCK_ADDRESS", "Sock", "Socket", "SocketAddress", "UnixAddress"]

_TYPES: Final = ("STREAM", "DGRAM", "RAW", "RDM", "SEQPACKET", "DCCP", "PACKET")
"""From 1 (include/linux/net.h); the last one as Tetragon numbers it."""
_SOCK: Final = Struct("<BxHIIQ")
_STATE: Final = At.REST
_TYPE: Final = At.REST + 2
_MARK: Final = At.REST + 4
_PRIORITY: Final = At.REST + 8
_COOKIE: Final = At.REST + 12


class Sock(EndsType):
    """struct sock."""

    names = ("sock",)
    struct = "sock"
    payload_bytes = ENDS.size + _SOCK.size
    operators = SOURCE_OPERATORS | DESTINATION_OPERATORS | {"State"}

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        payload = plan.slot + SLOT
        asm.mov(R1, 0)
        for at in (plan.slot, *range(payload, payload + 2 * 16, 8)):
            asm.store(R7, at, R1, 8)
        asm.store(R7, payload + _COOKIE, R8, 8)
        members = [(payload + at, member, size) for at, member, size in _SOCK_MEMBERS]
        emit_gather(emitter, "sock", members, failed)
        _swap_port(emitter, payload + At.DESTINATION_PORT)
        six, over = asm.new_label("inet6"), asm.new_label("sock")
        asm.load(R9, R7, payload + At.FAMILY, 2)
        asm.jump(R9, "==", AF_INET6, six)
        asm.jump(R9, "==", AF_INET, over)
        asm.mov(R1, 0)  # what is there in sockets of other families is no address
        asm.store(R7, payload + At.SOURCE, R1, 4)
        asm.store(R7, payload + At.DESTINATION, R1, 4)
        asm.goto(over)
        asm.label(six)
        emit_copy(emitter, payload + At.SOURCE, R8, ("sock", "__sk_common.skc_v6_rcv_saddr"), 16)
        emit_copy(emitter, payload + At.DESTINATION, R8, ("sock", "__sk_common.skc_v6_daddr"), 16)
        asm.label(over)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        ends = Ends._make(ENDS.unpack_from(record, plan.slot + SLOT))
        rest = _SOCK.unpack_from(record, plan.slot + SLOT + ENDS.size)
        state, kind, mark, priority, cookie = rest
        value = {
            "family": family_text(ends.family),
            "type": f"SOCK_{_TYPES[kind - 1]}" if 0 < kind <= len(_TYPES) else str(kind),
            "protocol": protocol_text(ends.protocol),
            "mark": mark,
            "priority": priority,
            "saddr": address_text(ends.family, ends.source),
            "daddr": address_text(ends.family, ends.destination),
            "sport": ends.source_port,
            "dport": ends.destination_port,
            "cookie": cookie,
            "state": STATE_NAMES.get(state, str(state)),
        }
        return ArgumentValue("sock_arg", value, plan.label)


SOCK_ADDRESS: Final = SLOT + _COOKIE
"""Where in the slot of a sock or socket the address of its struct sock is."""
_SOCK_MEMBERS: Final = (
    (At.FAMILY, "__sk_common.skc_family", 2),
    (_STATE, "__sk_common.skc_state", 1),
    (At.SOURCE_PORT, "__sk_common.skc_num", 2),
    (At.DESTINATION_PORT, "__sk_common.skc_dport", 2),
    (_TYPE, "sk_type", 2),
    (At.PROTOCOL, "sk_protocol", 2),
    (_MARK, "sk_mark", 4),
    (_PRIORITY, "sk_priority", 4),
    (At.SOURCE, "__sk_common.skc_rcv_saddr", 4),
    (At.DESTINATION, "__sk_common.skc_daddr", 4),
)


class Socket(Sock):
    """struct socket: its sock."""

    names = ("socket",)
    struct = "socket"

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        emitter.load_member(R8, R8, "socket", "sk")
        super().emit_read(emitter, plan, failed)


def _swap_port(emitter: Emitter, at: int) -> None:
    emitter.asm.load(R1, R7, at, 2)
    emitter.asm.byte_swap(R1, 16)
    emitter.asm.store(R7, at, R1, 2)


def _copy_any(emitter: Emitter, to: int, offset: int, size: int) -> None:
    """Copy from R8 + offset, of user space or the kernel, to the record; R0 tells of failure."""
    asm = emitter.asm
    kernel, over = asm.new_label("kernel"), asm.new_label("copied")
    asm.mov(R1, R7)
    asm.alu("add", R1, to)
    asm.mov(R2, size)
    asm.mov(R3, R8)
    asm.alu("add", R3, offset)
    asm.jump(R8, "s<", 0, kernel)
    asm.call(Helper.PROBE_READ_USER)
    asm.goto(over)
    asm.label(kernel)
    asm.call(Helper.PROBE_READ_KERNEL)
    asm.label(over)


class SocketAddress(EndsType):
    """struct sockaddr of the families AF_INET and AF_INET6: one end, which counts as source."""

    names = ("sockaddr",)
    struct = "sockaddr"
    operators = SOURCE_OPERATORS

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        payload = plan.slot + SLOT
        asm.mov(R1, 0)
        for at in (plan.slot, *range(payload, payload + ENDS.size, 8)):
            asm.store(R7, at, R1, 8)
        _copy_any(emitter, payload + At.FAMILY, 0, 2)
        asm.jump(R0, "s<", 0, failed)
        six, port, over = (asm.new_label(name) for name in ("inet6", "port", "address"))
        asm.load(R9, R7, payload + At.FAMILY, 2)
        asm.jump(R9, "==", AF_INET6, six)
        asm.jump(R9, "!=", AF_INET, over)
        _copy_any(emitter, payload + At.SOURCE, 4, 4)
        asm.goto(port)
        asm.label(six)
        _copy_any(emitter, payload + At.SOURCE, 8, 16)
        asm.label(port)
        asm.jump(R0, "s<", 0, failed)
        _copy_any(emitter, payload + At.SOURCE_PORT, 2, 2)
        _swap_port(emitter, payload + At.SOURCE_PORT)
        asm.label(over)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        ends = Ends._make(ENDS.unpack_from(record, plan.slot + SLOT))
        value = {
            "family": family_text(ends.family),
            "addr": address_text(ends.family, ends.source),
            "port": ends.source_port,
        }
        return ArgumentValue("sockaddr_arg", value, plan.label)


_PATH_BYTES: Final = 108
"""sun_path (include/uapi/linux/un.h)."""
_AF_UNIX: Final = 1


class UnixAddress(Text):
    """struct sockaddr_un: the path, or the name of an abstract socket with `@` before it.

    The name of an abstract socket ends at its first NUL; with sizeArgIndex, no later than the
    address. Filters see what events show.
    """

    names = ("sockaddr_un",)
    payload_bytes = 3
    has_length = True
    keeps_nul = False
    operators = TEXT_OPERATORS | {"Family"}

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        abstract, over = asm.new_label("abstract"), asm.new_label("address")
        _load_path_bytes(emitter, plan)
        _copy_any(emitter, plan.slot + SLOT, 0, 2)
        asm.jump(R0, "s<", 0, failed)
        asm.mov(R1, 0)
        asm.store(R7, plan.slot, R1, 8)
        asm.load(R1, R7, plan.slot + SLOT, 2)
        asm.jump(R1, "!=", _AF_UNIX, over)
        asm.jump(R9, "==", 0, over)  # a socket without a name
        _copy_any(emitter, plan.slot + _FIRST, 2, 1)
        asm.jump(R0, "s<", 0, failed)
        asm.load(R1, R7, plan.slot + _FIRST, 1)
        asm.jump(R1, "==", 0, abstract)
        _emit_name(emitter, plan.slot, failed, is_abstract=False)
        asm.goto(over)
        asm.label(abstract)
        _emit_name(emitter, plan.slot, failed, is_abstract=True)
        asm.label(over)

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        if wanted.operator != "Family":
            super().emit_filter(emitter, plan, wanted, found, no)
            return
        members = IntegerSet.of(parse_family(str(value)) for value in wanted.values)
        emitter.asm.load(R8, R7, plan.slot + SLOT, 2)
        emit_membership(emitter.asm, R8, members, found)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        family = int.from_bytes(record[plan.slot + SLOT : plan.slot + _FIRST], "little")
        path = self.variable_bytes(record, plan).decode(errors="replace")
        value = {"family": family_text(family), "path": path}
        return ArgumentValue("sockaddrun_arg", value, plan.label)


_FIRST: Final = SLOT + 2
"""Of the slot: a copy of the name's first byte."""


def _load_path_bytes(emitter: Emitter, plan: ArgumentPlan) -> None:
    """R9 = bytes of the address behind the family; R8 stays."""
    asm = emitter.asm
    if plan.size_index is None:
        asm.mov(R9, _PATH_BYTES)
        return
    fits, over = asm.new_label("fits"), asm.new_label("length")
    emitter.frame.argument(emitter, R9, plan.size_index)
    asm.extend(R9, 4, signed=False)
    asm.jump(R9, ">=", 2, fits)
    asm.mov(R9, 2)
    asm.label(fits)
    asm.alu("sub", R9, 2)
    asm.jump(R9, "<=", _PATH_BYTES, over)
    asm.mov(R9, _PATH_BYTES)
    asm.label(over)


def _emit_name(emitter: Emitter, slot: int, failed: str, *, is_abstract: bool) -> None:
    """Append the name at R8 + 2, of at most R9 bytes; `@` takes the place of a first NUL."""
    asm = emitter.asm
    skipped = int(is_abstract)
    kernel, read = asm.new_label("kernel"), asm.new_label("read")
    asm.load(R1, R7, Offset.SIZE, 4)
    asm.mov(R0, -7)  # E2BIG
    asm.jump(R1, ">", LIMIT, failed)
    asm.store(R7, slot, R1, 4)
    asm.alu("add", R1, R7)
    if is_abstract:
        asm.store(R1, 0, ord("@"), 1)
        asm.alu("add", R1, 1)
    asm.mov(R2, R9)
    asm.alu("add", R2, 1 - skipped)  # and a NUL
    asm.mov(R3, R8)
    asm.alu("add", R3, 2 + skipped)
    asm.jump(R8, "s<", 0, kernel)
    asm.call(Helper.PROBE_READ_USER_STR)
    asm.goto(read)
    asm.label(kernel)
    asm.call(Helper.PROBE_READ_KERNEL_STR)
    asm.label(read)
    asm.jump(R0, "s<", 0, failed)
    asm.alu("sub", R0, 1 - skipped)
    asm.store(R7, slot + 4, R0, 4)
    asm.load(R1, R7, Offset.SIZE, 4)
    asm.alu("add", R1, R0)
    asm.alu("add", R1, 7)
    asm.alu("and", R1, ~7)
    asm.store(R7, Offset.SIZE, R1, 4)
