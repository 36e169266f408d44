# SPDX-License-Identifier: Apache-2.0
"""Policies about connections: made, listened for, accepted, closed."""

from __future__ import annotations

import os
import socket
from typing import Final

from tetragon_core.hooks import ArgumentValue

from .case import Case, in_turn
from .places import copied
from .values import Hit, number, sock

__all__ = ["CASES"]

_LOCAL: Final = "127.0.0.1"
_OTHER: Final = "127.0.0.2"
_DATA: Final = b"seen"


def tcp(family: int = socket.AF_INET) -> socket.socket:
    """A socket whose address may be used again soon."""
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def listen(address: str, port: int) -> socket.socket:
    """A socket that waits for connections."""
    made = tcp(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.bind((address, port))
    made.listen(1)
    return made


def talk(address: str, port: int) -> None:
    """Connect from port + 1, send, and close: client, server's end, listener."""
    server = listen(address, port)
    client = tcp(server.family)
    client.bind(("::1" if ":" in address else _LOCAL, port + 1))
    client.connect((address, port))
    connection = server.accept()[0]
    client.sendall(_DATA)
    client.close()
    while connection.recv(100):
        pass
    connection.close()
    server.close()


def connected(port: int, address: str = _LOCAL, state: str = "TCP_ESTABLISHED") -> ArgumentValue:
    """The client of `talk`."""
    return sock(_LOCAL, port + 1, address, port, state)


def accepted(port: int, state: str, label: str = "") -> ArgumentValue:
    """The server's end of `talk`."""
    return sock(_LOCAL, port, _LOCAL, port + 1, state, label=label)


def listening(port: int) -> ArgumentValue:
    """The listener of `talk`."""
    return sock(_LOCAL, port, "0.0.0.0", 0, "TCP_LISTEN")


def conversation(port: int, *, listener: bool) -> tuple[Hit, ...]:
    """What tcp_connect, tcp_sendmsg and tcp_close say about `talk`."""
    last = (Hit("tcp_close", (listening(port),)),) if listener else ()
    return (
        Hit("tcp_connect", (connected(port, state="TCP_SYN_SENT"),)),
        Hit("tcp_sendmsg", (connected(port), number(len(_DATA)))),
        Hit("tcp_close", (connected(port),)),
        Hit("tcp_close", (accepted(port, "TCP_CLOSE_WAIT"),)),
        *last,
    )


def egress(policy: str, port: int) -> Case:
    """A policy that wants connections to everywhere but 127.0.0.1 and the cluster."""
    return Case(
        policy=policy,
        act=lambda: talk(_OTHER, port),
        expected=(Hit("tcp_connect", (connected(port, _OTHER, "TCP_SYN_SENT"),)),),
        miss=lambda: talk(_LOCAL, port + 10),
    )


# ---- other protocols ----


def connect_unix() -> None:
    """Connect to a socket that has a name, not an address."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(b"\0seen")
        server.listen(1)
        client.connect(b"\0seen")


def connect_unix_and_leave() -> None:
    """The same, but the sockets are not freed while this process is looked at."""
    server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    server.bind(b"\0seen")
    server.listen(1)
    client.connect(b"\0seen")
    server.detach()
    client.detach()


def connect_datagrams(port: int) -> None:
    """Fix the other end of UDP sockets of both families."""
    for family, address in ((socket.AF_INET, _LOCAL), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.connect((address, port))


def connecting(family: str, address: str, port: int, size: int) -> Hit:
    """Of security_socket_connect."""
    value = {"family": family, "addr": address, "port": port}
    return Hit("security_socket_connect", (ArgumentValue("sockaddr_arg", value), number(size)))


# ---- with sockets that are followed ----


def listen_at(port: int) -> None:
    """Listen, and close."""
    listen(_LOCAL, port).close()


def fresh(family: int = 2) -> ArgumentValue:
    """What sk_alloc returns: nothing is known of it but its family."""
    nowhere = "0.0.0.0" if family == 2 else "::"
    value = sock(nowhere, 0, nowhere, 0).value
    assert isinstance(value, dict)
    unknown = {"type": "0", "protocol": "IPPROTO_IP", "state": "0"}
    return ArgumentValue("sock_arg", {**value, **unknown})


def accepting(port: int) -> tuple[Hit, ...]:
    """What the policies about servers say about `talk`, without the listener's end."""
    made = (number(2, "Family"),)
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    destination = _LOCAL if release > (6, 12) else "0.0.0.0"  # later kernels set it at once
    unconnected = sock(_LOCAL, port, destination, port + 1, "TCP_SYN_RECV")
    established = (accepted(port, "TCP_SYN_RECV"), number(1, "state"))
    return (
        *(Hit("sk_alloc", made, fresh()) for _ in range(2)),
        Hit("tcp_create_openreq_child", (listening(port),), unconnected),
        Hit("tcp_set_state", established),
        Hit("tcp_close", (connected(port),)),
        Hit("tcp_close", (accepted(port, "TCP_CLOSE_WAIT"),)),
    )


def freed(port: int) -> tuple[Hit, ...]:
    """What __sk_free says about `talk`: sockets have no port any more."""
    ends = (
        sock(_LOCAL, 0, _LOCAL, port, "TCP_CLOSE"),
        sock(_LOCAL, 0, _LOCAL, port + 1, "TCP_CLOSE"),
        sock(_LOCAL, 0, "0.0.0.0", 0, "TCP_CLOSE"),
    )
    return tuple(Hit("__sk_free", (end,)) for end in ends)


_OF_PROGRAMS: Final = frozenset({"sk_alloc", "tcp_close"})
"""Called by programs only; the others also by the kernel, as packets come."""
_SERVER: Final = "/usr/sbin/tcpserver"
_TALK: Final = """
use Socket;
sub at { return pack_sockaddr_in($_[0], inet_aton("127.0.0.1")) }
sub tcp { socket($_[0], AF_INET, SOCK_STREAM, 6); setsockopt($_[0], SOL_SOCKET, SO_REUSEADDR, 1) }
tcp(my $server); bind($server, at(4280)); listen($server, 1);
tcp(my $client); bind($client, at(4281)); connect($client, at(4280)) or die;
accept(my $connection, $server); close($client);
sysread($connection, my $rest, 1); close($connection); close($server);
"""


def talk_as_server() -> None:
    """`talk` in a program of that name, started by this process; and a close of our own."""
    pid = os.fork()
    if not pid:
        os.execv(_SERVER, [_SERVER, "-e", _TALK])
    assert os.waitpid(pid, 0)[1] == 0


CASES: Final = (
    egress("policylibrary/egress", 4100),
    egress("quickstart/network_egress_cluster", 4130),
    Case(
        policy="tracingpolicy/tcp-connect",
        act=lambda: talk(_LOCAL, 4160),
        expected=conversation(4160, listener=True),
        miss=connect_unix,
    ),
    Case(
        policy="tracingpolicy/tcp-connect-with-selectors",
        act=lambda: talk(_LOCAL, 4190),
        expected=conversation(4190, listener=False),
        miss=lambda: talk("::1", 4190),
    ),
    Case(
        policy="tracingpolicy/security-socket-connect",
        act=lambda: connect_datagrams(4220),
        expected=(
            connecting("AF_INET", _LOCAL, 4220, 16),
            connecting("AF_INET6", "::1", 4220, 28),
        ),
        miss=connect_unix,
    ),
    Case(
        policy="tracingpolicy/tcp-listen",
        act=in_turn(lambda: listen_at(1337), lambda: listen_at(31337)),
        expected=tuple(
            Hit("inet_csk_listen_start", (sock(_LOCAL, port, "0.0.0.0", 0, "TCP_CLOSE"),))
            for port in (1337, 31337)
        ),
        miss=lambda: listen_at(1338),
    ),
    Case(
        policy="policylibrary/sshd",
        prepare=lambda: copied("/usr/bin/perl", _SERVER),
        act=talk_as_server,
        expected=(
            *(hit for hit in accepting(4280) if hit.name in _OF_PROGRAMS),
            Hit("tcp_close", (listening(4280),)),
        ),
        of=_OF_PROGRAMS,
        miss=connect_unix,
    ),
    Case(
        policy="tracingpolicy/tcp-accept",
        act=lambda: talk(_LOCAL, 4250),
        expected=(*accepting(4250), *freed(4250)),
        anywhere=frozenset({"tcp_create_openreq_child", "tcp_set_state"}),
        late=frozenset({"__sk_free"}),
        miss=connect_unix_and_leave,
    ),
)
