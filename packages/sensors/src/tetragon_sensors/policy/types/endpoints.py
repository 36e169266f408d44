# SPDX-License-Identifier: Apache-2.0
"""What sockets, packets and socket addresses have in common: two ends, and the filters on them."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.policy.network_values import (
    AF_INET,
    AF_INET6,
    FAMILIES,
    PROTOCOLS,
    TCP_STATES,
    parse_family,
    parse_network,
    parse_ports,
    parse_protocol,
    parse_tcp_state,
)
from tetragon_sensors.policy.integers import IntegerSet, emit_membership
from tetragon_sensors.policy.matching import emit_networks
from tetragon_sensors.policy.record import SLOT

from .base import R7, R8, ArgumentType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = [
    "DESTINATION_OPERATORS",
    "ENDS",
    "SOURCE_OPERATORS",
    "STATE_NAMES",
    "At",
    "Ends",
    "EndsType",
    "address_text",
    "family_text",
    "protocol_text",
]

ENDS: Final = Struct("<16s16sHHHH")


class At:
    """Offsets in the payload."""

    SOURCE: Final = 0
    DESTINATION: Final = 16
    FAMILY: Final = 32
    PROTOCOL: Final = 34
    SOURCE_PORT: Final = 36
    DESTINATION_PORT: Final = 38
    REST: Final = ENDS.size


class Ends(NamedTuple):
    """The payload's start, decoded; ports in host order."""

    source: bytes
    destination: bytes
    family: int
    protocol: int
    source_port: int
    destination_port: int


def _with_negations(names: str) -> frozenset[str]:
    return frozenset(names.split()) | {f"Not{name}" for name in names.split()}


SOURCE_OPERATORS: Final = _with_negations("SAddr SPort SPortPriv") | {"Family"}
DESTINATION_OPERATORS: Final = _with_negations("DAddr DPort DPortPriv") | {"Protocol"}
_PRIVILEGED: Final = IntegerSet.of([(0, 1023)])

_NUMBERS: Final[Mapping[str, tuple[int, Callable[[str], tuple[int, int]]]]] = {
    "SPort": (At.SOURCE_PORT, parse_ports),
    "DPort": (At.DESTINATION_PORT, parse_ports),
    "Protocol": (At.PROTOCOL, parse_protocol),
    "Family": (At.FAMILY, parse_family),
    "State": (At.REST, parse_tcp_state),
}


class EndsType(ArgumentType):
    """Base: the payload starts with ENDS; a state, if there is one, is the byte behind it."""

    payload_bytes = ENDS.size
    operators = SOURCE_OPERATORS | DESTINATION_OPERATORS

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        asm = emitter.asm
        payload = plan.slot + SLOT
        operator = wanted.operator.removeprefix("Not")
        if operator.endswith("Addr"):
            at = At.SOURCE if operator[0] == "S" else At.DESTINATION
            _emit_addresses(emitter, payload, at, wanted, found, no)
            return
        members = _PRIVILEGED
        if operator.endswith("Priv"):
            at = _NUMBERS[operator.removesuffix("Priv")][0]
        else:
            at, parse = _NUMBERS[operator]
            members = IntegerSet.of(parse(str(value)) for value in wanted.values)
        if "Port" in operator:
            _emit_has_address(emitter, payload, no)
        asm.load(R8, R7, payload + at, 1 if operator == "State" else 2)
        emit_membership(asm, R8, members, found)


def _emit_has_address(emitter: Emitter, payload: int, no: str) -> None:
    """Jump to `no` for families that have no ports and no IP addresses."""
    asm = emitter.asm
    known = asm.new_label("internet")
    asm.load(R8, R7, payload + At.FAMILY, 2)
    asm.jump(R8, "==", AF_INET, known)
    asm.jump(R8, "!=", AF_INET6, no)
    asm.label(known)


def _emit_addresses(
    emitter: Emitter, payload: int, at: int, wanted: ArgumentFilter, found: str, no: str
) -> None:
    asm = emitter.asm
    networks = [parse_network(str(value)) for value in wanted.values]
    over, second = asm.new_label("addresses"), asm.new_label("inet6")
    _emit_has_address(emitter, payload, no)
    asm.jump(R8, "==", AF_INET6, second)
    for family, following in ((AF_INET, over), (AF_INET6, "")):
        if not following:
            asm.label(second)
        of_family = [(one.address, one.prefix_length) for one in networks if one.family == family]
        emit_networks(asm, R7, payload + at, of_family, found)
        if following:
            asm.goto(following)
    asm.label(over)


_UNNAMED: Final = frozenset({"AF_LOCAL", "AF_SNA", "IPPROTO_ICMPV6", "IPPROTO_L2TP", "IPPROTO_SMC"})
"""Names that filters know and Tetragon does not print."""


def _by_number(names: Mapping[str, int]) -> Mapping[int, str]:
    return {number: name for name, number in names.items() if name not in _UNNAMED}


_FAMILY_NAMES: Final = _by_number(FAMILIES)
_PROTOCOL_NAMES: Final = _by_number(PROTOCOLS)
STATE_NAMES: Final = _by_number(TCP_STATES)


def family_text(family: int) -> str:
    """`AF_INET`, or the number."""
    return _FAMILY_NAMES.get(family, str(family))


def protocol_text(protocol: int) -> str:
    """`IPPROTO_TCP`, or the number."""
    return _PROTOCOL_NAMES.get(protocol, str(protocol))


def address_text(family: int, address: bytes) -> str:
    """An IP address as Tetragon prints it, also for a family that has none."""
    if family == AF_INET:
        return socket.inet_ntop(socket.AF_INET, address[:4])
    if family == AF_INET6:
        return _ipv6_text(address)
    return "invalid IP"


_MAPPED: Final = bytes(10) + b"\xff\xff"


def _ipv6_text(address: bytes) -> str:
    """As RFC 5952 has it; with dots only where an IPv4 address is mapped."""
    if address.startswith(_MAPPED):
        return "::ffff:" + socket.inet_ntop(socket.AF_INET, address[12:])
    text = socket.inet_ntop(socket.AF_INET6, address)
    return str(IPv6Address(address)) if "." in text else text
