# SPDX-License-Identifier: Apache-2.0
"""IP addresses and networks: the functions of Kubernetes' CEL libraries "IP" and "CIDR".

Python reads more forms than these libraries do: zones, IPv4 inside IPv6, masks in place of a
prefix length. They are refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, ClassVar, Final

from ..errors import CelRuntimeError
from ..types import BOOL, INT, STRING, opaque
from ..values import Opaque
from .overloads import Function, Overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import Type

__all__ = ["ROWS", "Cidr", "Ip"]


@dataclass(frozen=True, slots=True)
class Ip(Opaque):
    """One address."""

    cel_name: ClassVar[str] = "net.IP"
    address: IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Cidr(Opaque):
    """An address and the number of bits in front that make the network."""

    cel_name: ClassVar[str] = "net.CIDR"
    address: IPv4Address | IPv6Address
    bits: int

    @property
    def network(self) -> int:
        """The bits that all addresses of this network have in common."""
        return int(self.address) >> (self.address.max_prefixlen - self.bits)


_IP: Final = opaque(Ip.cel_name)
_CIDR: Final = opaque(Cidr.cel_name)
_V4_BROADCAST: Final = IPv4Address("255.255.255.255")
_V4_LOCAL_MULTICAST: Final = 0xE00000
_V6_LOCAL_MULTICAST: Final = 0xFF02


def _ip(text: str) -> Ip:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise CelRuntimeError(f"an IP address was expected: {error}") from None
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address.ipv4_mapped):
        message = "an IP address without zone, and not IPv4 within IPv6, was expected"
        raise CelRuntimeError(f"{message}: {text[:60]!r}")
    return Ip(address)


def _cidr(text: str) -> Cidr:
    before, slash, after = text.rpartition("/")
    is_number = after.isascii() and after.isdecimal() and (after == "0" or after[0] != "0")
    if not slash or not is_number or len(after) > 3:
        raise CelRuntimeError(f"a network such as 10.0.0.0/8 was expected: {text[:60]!r}")
    address = _ip(before).address
    if int(after) > address.max_prefixlen:
        raise CelRuntimeError(f"at most {address.max_prefixlen} bits were expected: {text[:60]!r}")
    return Cidr(address, int(after))


def _is_valid(read: Callable[[str], object]) -> Callable[[str], bool]:
    def call(text: str) -> bool:
        try:
            read(text)
        except CelRuntimeError:
            return False
        return True

    return call


def _contains_ip(network: Cidr, one: Ip) -> bool:
    return _contains_cidr(network, Cidr(one.address, one.address.max_prefixlen))


def _contains_cidr(network: Cidr, other: Cidr) -> bool:
    return (
        network.address.version == other.address.version
        and network.bits <= other.bits
        and network.network == Cidr(other.address, network.bits).network
    )


def _masked(network: Cidr) -> Cidr:
    shift = network.address.max_prefixlen - network.bits
    return Cidr(type(network.address)(network.network << shift), network.bits)


def _is_local_multicast(one: Ip) -> bool:
    """224.0.0.x, and ff02::/16 whatever its flags."""
    if one.address.version == 4:
        return int(one.address) >> 8 == _V4_LOCAL_MULTICAST
    return (int(one.address) >> 112) & 0xFF0F == _V6_LOCAL_MULTICAST


def _is_global_unicast(one: Ip) -> bool:
    """Also of addresses for private use, as in Go."""
    address = one.address
    return not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address == _V4_BROADCAST
    )


def _ask(name: str, one: Type, result: Type, call: Callable[..., object]) -> Function:
    return Function(name, (Overload((one,), result, call, is_member=True),))


def _read(name: str, result: Type, call: Callable[[str], object]) -> Function:
    return Function(name, (Overload((STRING,), result, call),))


def _containing(
    name: str, one: Type, read: Callable[[str], object], call: Callable[..., bool]
) -> Function:
    def of_text(network: Cidr, text: str) -> bool:
        return call(network, read(text))

    return Function(
        name,
        (
            Overload((_CIDR, STRING), BOOL, of_text, is_member=True),
            Overload((_CIDR, one), BOOL, call, is_member=True),
        ),
    )


ROWS: Final = (
    _read("cidr", _CIDR, _cidr),
    _read("ip", _IP, _ip),
    _read("ip.isCanonical", BOOL, lambda text: str(_ip(text).address) == text),
    _read("isCIDR", BOOL, _is_valid(_cidr)),
    _read("isIP", BOOL, _is_valid(_ip)),
    _containing("containsCIDR", _CIDR, _cidr, _contains_cidr),
    _containing("containsIP", _IP, _ip, _contains_ip),
    _ask("family", _IP, INT, lambda one: one.address.version),
    _ask("ip", _CIDR, _IP, lambda network: Ip(network.address)),
    _ask("isGlobalUnicast", _IP, BOOL, _is_global_unicast),
    _ask("isLinkLocalMulticast", _IP, BOOL, _is_local_multicast),
    _ask("isLinkLocalUnicast", _IP, BOOL, lambda one: one.address.is_link_local),
    _ask("isLoopback", _IP, BOOL, lambda one: one.address.is_loopback),
    _ask("isUnspecified", _IP, BOOL, lambda one: one.address.is_unspecified),
    _ask("masked", _CIDR, _CIDR, _masked),
    _ask("prefixLength", _CIDR, INT, lambda network: network.bits),
    Function(
        "string",
        (
            Overload((_IP,), STRING, lambda one: str(one.address)),
            Overload((_CIDR,), STRING, lambda network: f"{network.address}/{network.bits}"),
        ),
    ),
)
