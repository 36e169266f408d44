# SPDX-License-Identifier: Apache-2.0
"""Values of network filters: addresses, ports, protocols, families and TCP states."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

from .numbers import Range, parse_integer
from .problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AF_INET",
    "AF_INET6",
    "FAMILIES",
    "PROTOCOLS",
    "TCP_STATES",
    "Network",
    "parse_family",
    "parse_network",
    "parse_ports",
    "parse_protocol",
    "parse_tcp_state",
]

AF_INET: Final = 2
AF_INET6: Final = 10

PROTOCOLS: Final[Mapping[str, int]] = {
    "IPPROTO_IP": 0,
    "IPPROTO_ICMP": 1,
    "IPPROTO_IGMP": 2,
    "IPPROTO_IPIP": 4,
    "IPPROTO_TCP": 6,
    "IPPROTO_EGP": 8,
    "IPPROTO_PUP": 12,
    "IPPROTO_UDP": 17,
    "IPPROTO_IDP": 22,
    "IPPROTO_TP": 29,
    "IPPROTO_DCCP": 33,
    "IPPROTO_IPV6": 41,
    "IPPROTO_RSVP": 46,
    "IPPROTO_GRE": 47,
    "IPPROTO_ESP": 50,
    "IPPROTO_AH": 51,
    "IPPROTO_ICMPV6": 58,
    "IPPROTO_MTP": 92,
    "IPPROTO_BEETPH": 94,
    "IPPROTO_ENCAP": 98,
    "IPPROTO_PIM": 103,
    "IPPROTO_COMP": 108,
    "IPPROTO_L2TP": 115,
    "IPPROTO_SCTP": 132,
    "IPPROTO_UDPLITE": 136,
    "IPPROTO_MPLS": 137,
    "IPPROTO_ETHERNET": 143,
    "IPPROTO_RAW": 255,
    "IPPROTO_SMC": 256,
    "IPPROTO_MPTCP": 262,
}
"""include/uapi/linux/in.h and in6.h."""

_FAMILY_NAMES: Final = (
    *("UNSPEC", "UNIX", "INET", "AX25", "IPX", "APPLETALK", "NETROM", "BRIDGE", "ATMPVC", "X25"),
    *("INET6", "ROSE", "DECnet", "NETBEUI", "SECURITY", "KEY", "NETLINK", "PACKET", "ASH"),
    *("ECONET", "ATMSVC", "RDS", "SNA", "IRDA", "PPPOX", "WANPIPE", "LLC", "IB", "MPLS", "CAN"),
    *("TIPC", "BLUETOOTH", "IUCV", "RXRPC", "ISDN", "PHONET", "IEEE802154", "CAIF", "ALG", "NFC"),
    *("VSOCK", "KCM", "QIPCRTR", "SMC", "XDP", "MCTP"),
)
FAMILIES: Final[Mapping[str, int]] = {
    f"AF_{name}": number for number, name in enumerate(_FAMILY_NAMES)
} | {"AF_LOCAL": 1}
"""include/linux/socket.h."""

_STATE_NAMES: Final = (
    *("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE"),
    *("CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"),
)
TCP_STATES: Final[Mapping[str, int]] = {
    f"TCP_{name}": number for number, name in enumerate(_STATE_NAMES, 1)
}
"""include/net/tcp_states.h."""


class Network(NamedTuple):
    """Addresses that share their first bits."""

    family: int
    """AF_INET or AF_INET6."""
    address: bytes
    """4 or 16 bytes in network order; the bits after the prefix are 0."""
    prefix_length: int


def parse_network(text: str) -> Network:
    """`10.0.0.0/8`, `::1`, `192.168.1.7/24` (the bits after the prefix do not count).

    Raises ValueError.
    """
    address, slash, length = text.strip().partition("/")
    try:
        if "%" in address or (slash and not length.isdecimal()):
            raise ValueError(text)  # noqa: TRY301  joins what ipaddress raises
        network = ipaddress.ip_network(f"{address}{slash}{length}", strict=False)
    except ValueError:
        raise ValueError(f'"{text}" is no IP address and no network like 10.0.0.0/8') from None
    family = AF_INET if network.version == 4 else AF_INET6
    return Network(family, network.network_address.packed, network.prefixlen)


def parse_ports(text: str) -> Range:
    """`443` or `8000:8080`. Raises ValueError."""
    return _parse_named(text, {}, 2**16 - 1, "port")


def parse_protocol(text: str) -> Range:
    """`IPPROTO_TCP`, `6` or `6:17`. Raises ValueError."""
    return _parse_named(text, PROTOCOLS, 2**16 - 1, "protocol")


def parse_family(text: str) -> Range:
    """`AF_INET`, `2` or `2:10`. Raises ValueError."""
    return _parse_named(text, FAMILIES, 2**16 - 1, "address family")


def parse_tcp_state(text: str) -> Range:
    """`TCP_LISTEN`, `10` or `1:3`. Raises ValueError."""
    return _parse_named(text, TCP_STATES, 2**8 - 1, "TCP state")


def _parse_named(text: str, names: Mapping[str, int], high: int, what: str) -> Range:
    wanted = text.strip()
    by_upper = {name.upper(): number for name, number in names.items()}
    if wanted.upper() in by_upper:
        number = by_upper[wanted.upper()]
        return Range(number, number)
    low_text, colon, high_text = wanted.partition(":")
    try:
        first = parse_integer(low_text)
        last = parse_integer(high_text) if colon else first
    except ValueError:
        raise ValueError(f'"{text}" is no {what}{did_you_mean(wanted, names)}') from None
    if not 0 <= first <= last <= high:
        raise ValueError(f"{text} is no {what} or range of them; allowed: 0 to {high}")
    return Range(first, last)
