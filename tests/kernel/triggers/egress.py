# SPDX-License-Identifier: Apache-2.0
"""Policies that enforce on connections and packets: what goes where it must not is stopped."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Final

from kernel import surroundings as around
from tetragon_core.hooks import ArgumentValue

from .case import Case, in_turn
from .enforced import functions_or_lsm
from .network import connected, talk
from .outcomes import allowed, denied, killed, run_as
from .values import Hit, number, packet, sock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CASES"]

_CURL: Final = "/usr/bin/curl"
_LOCAL, _OTHER = "127.0.0.1", "127.0.0.2"
_CONNECT: Final = """
use Socket;
my ($address, $port) = @ARGV;
socket(my $client, AF_INET, SOCK_STREAM, 6);
setsockopt($client, SOL_SOCKET, SO_REUSEADDR, 1);
bind($client, pack_sockaddr_in($port + 1, INADDR_ANY)) or exit 99;
connect($client, pack_sockaddr_in($port, inet_aton($address))) or exit $!;
"""
"""Nobody listens: without a policy it is refused."""


def connect(address: str, port: int) -> None:
    """Connect from port + 1; nobody listens there."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("", port + 1))
        client.connect((address, port))


def connect_as_curl(address: str, port: int) -> None:
    """The same by a program of that name."""
    run_as(_CURL, _CONNECT, address, str(port))


def isolated(action: Callable[[], object]) -> Callable[[], None]:
    """In a network namespace with the addresses of `surroundings`."""
    return in_turn(around.own_network, action)


def refused(action: Callable[[], object]) -> Callable[[], None]:
    """Nobody listens, and that is all that is wrong."""
    return denied(isolated(action), errno.ECONNREFUSED)


def connecting(address: str, port: int) -> Hit:
    """Of tcp_connect, to an address of this machine."""
    return Hit(
        "tcp_connect",
        (sock(address, port + 1, address, port, "TCP_SYN_SENT"),),
        action="Sigkill",
    )


def send(address: str, port: int) -> None:
    """A datagram from port 4500 of that address to the other port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((address, 4500))
        client.sendto(b"seen", (address, port))


def asked(address: str, port: int, action: str) -> Hit:
    """Of security_socket_connect, before anything is known of the socket."""
    given = {"family": "AF_INET", "addr": address, "port": port}
    return Hit(
        "security_socket_connect",
        (
            sock("0.0.0.0", port + 1, "0.0.0.0", 0, "TCP_CLOSE"),
            ArgumentValue("sockaddr_arg", given),
            number(16),
        ),
        action=action,
    )


CASES: Final = (
    Case(
        policy="quickstart/network_egress_cluster_enforce",
        act=killed(lambda: talk(_OTHER, 4300)),
        expected=(
            Hit(
                "tcp_connect",
                (connected(4300, _OTHER, "TCP_SYN_SENT"),),
                action="Sigkill",
            ),
        ),
        miss=allowed(lambda: talk(_LOCAL, 4310)),
    ),
    Case(
        policy="tracingpolicy/tcp-connect-only-local-addrs",
        act=killed(isolated(lambda: connect_as_curl("10.9.9.1", 4320))),
        expected=(connecting("10.9.9.1", 4320),),
        miss=in_turn(
            refused(lambda: connect_as_curl(_OTHER, 4320)),
            refused(lambda: connect("10.9.9.1", 4320)),
        ),
    ),
    Case(
        policy="tracingpolicy/tcp-connect-only-private-addrs",
        act=killed(isolated(lambda: connect("192.0.2.1", 4330))),
        expected=(connecting("192.0.2.1", 4330),),
        miss=in_turn(
            refused(lambda: connect("10.9.9.1", 4330)),
            refused(lambda: connect(_OTHER, 4330)),
        ),
    ),
    Case(
        policy="tracingpolicy/dns-only-specified-servers",
        act=killed(isolated(lambda: send(_OTHER, 53))),
        expected=(Hit("ip_output", (packet(4500, 53, 32, address=_OTHER),), action="Sigkill"),),
        miss=in_turn(
            allowed(isolated(lambda: send("127.0.0.53", 53))),
            allowed(isolated(lambda: send(_OTHER, 54))),
        ),
    ),
    Case(
        policy="tracingpolicy/security-socket-connect-block-others",
        refused=functions_or_lsm,
        act=in_turn(
            denied(isolated(lambda: connect_as_curl(_LOCAL, 4340))),
            refused(lambda: connect_as_curl("192.168.1.1", 80)),
        ),
        expected=(asked(_LOCAL, 4340, "Override"), asked("192.168.1.1", 80, "")),
        miss=refused(lambda: connect(_LOCAL, 4340)),
    ),
)
