# SPDX-License-Identifier: Apache-2.0
"""Sockets, packets and addresses as arguments: what is shown, and filters that hold or fail."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

import pytest

from kernel.typed_policies import function, needs_functions, part_of, tracepoint, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel.policies import PolicyRun


def connect_to_port_1(family: int, source: tuple[str, int]) -> None:
    """Ask for a connection that is refused."""
    with socket.socket(family) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 3)
        end.bind(source)
        end.connect_ex((source[0], 1))


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        port: int = end.getsockname()[1]
        return port


STATES: Final = "raw:sock/inet_sock_set_state"
OPENING: Final = (
    'index: 0, operator: DPort, values: ["1"]',
    "index: 0, operator: State, values: [7]",
)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_sock(run: PolicyRun, family: int, address: str) -> None:
    """A socket is shown with both ends, and with the marks that its owner gave it."""
    port = free_port()
    expected: dict[str, object] = {
        "family": socket.AddressFamily(family).name,
        "type": "SOCK_STREAM",
        "protocol": "IPPROTO_TCP",
        "mark": 7,
        "priority": 3,
        "saddr": address,
        "daddr": address,
        "sport": port,
        "dport": 1,
        "state": "TCP_CLOSE",
    }

    text = tracepoint(STATES, "{index: 0, type: sock}", *OPENING)
    hits = values(run, text, lambda: connect_to_port_1(family, (address, port)))

    assert [expected] == [part_of(hit[0], expected) for hit in hits]


@pytest.mark.parametrize(
    ("operator", "matching", "missing"),
    [
        ("SAddr", ["127.0.0.0/31"], ["127.0.0.2/31", "::/0"]),
        ("DAddr", ["10.0.0.0/8", "127.0.0.1"], ["127.0.0.0/32"]),
        ("NotSAddr", ["127.0.0.0", "::/0"], ["0.0.0.0/0"]),
        ("NotDAddr", ["128.0.0.0/1"], ["0.0.0.0/1"]),
        ("DPort", ["0:1"], ["0", "2:65535"]),
        ("NotDPort", ["0"], ["1"]),
        ("SPort", ["1024:65535"], ["1:1023"]),
        ("NotSPort", ["1"], ["1:65535"]),
        ("DPortPriv", [], None),
        ("NotSPortPriv", [], None),
        ("SPortPriv", None, []),
        ("NotDPortPriv", None, []),
        ("Protocol", ["IPPROTO_UDP", "IPPROTO_TCP"], ["17"]),
        ("Family", ["AF_INET"], ["AF_INET6", "AF_UNIX"]),
        ("State", ["TCP_CLOSE"], ["TCP_SYN_SENT", "TCP_CLOSE_WAIT"]),
    ],
)
def test_filters_on_ends(
    run: PolicyRun, operator: str, matching: Sequence[str] | None, missing: Sequence[str] | None
) -> None:
    """Each operator on a socket holds for the values that fit, and for their neighbours not."""
    port = free_port()
    counts = []
    for wanted in (matching, missing):
        if wanted is None:
            continue
        one = f"index: 0, operator: {operator}, values: {list(wanted)}"
        text = tracepoint(STATES, "{index: 0, type: sock}", *OPENING, one)
        counts.append(
            len(run.hits(text, lambda: connect_to_port_1(socket.AF_INET, ("127.0.0.1", port))))
        )

    assert [size for size, wanted in ((1, matching), (0, missing)) if wanted is not None] == counts


def send_packets() -> None:
    """Three datagrams to port 9, the last with an extension header of IPv6."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"hello", ("127.0.0.1", 9))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as end:
        end.sendto(b"hello", ("::1", 9))
        hop_options = (socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes((0, 0, 1, 4, 0, 0, 0, 0)))
        end.sendmsg([b"hello"], [hop_options], 0, ("::1", 9))


def test_packet(run: PolicyRun) -> None:
    """A packet is shown with the ends in its headers, also behind an extension header."""
    common = {"dport": 9, "proto": 17, "protocol": "IPPROTO_UDP", "sec_path_len": 0}
    v4 = {"family": "AF_INET", "saddr": "127.0.0.1", "daddr": "127.0.0.1"}
    v6 = {"family": "AF_INET6", "saddr": "::1", "daddr": "::1"}
    expected: list[dict[str, object]] = [
        {**v4, **common, "len": 14 + 20 + 8 + 5},
        {**v6, **common, "len": 14 + 40 + 8 + 5},
        {**v6, **common, "len": 14 + 40 + 8 + 8 + 5},
    ]
    wanted = (
        'index: 0, operator: DPort, values: ["9"]',
        "index: 0, operator: Protocol, values: [17]",
    )
    event, argument = "raw:net/net_dev_queue", "{index: 0, type: skb}"

    hits = values(run, tracepoint(event, argument, *wanted), send_packets)
    missed = values(
        run, tracepoint(event, argument, wanted[0], wanted[1].replace("17", "6")), send_packets
    )

    assert expected == [part_of(hit[0], expected[0]) for hit in hits]
    assert missed == []


def test_socket_addresses(run: PolicyRun) -> None:
    """Addresses given to connect are shown; an abstract name with @, and filters see that too."""
    long = "/tmp/" + "x" * 102

    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as end:
            for name in ("/tmp/nobody", "\0nobody", long):
                end.connect_ex(name)
        with socket.socket() as end:
            end.connect_ex(("127.0.0.1", 1))

    arguments = "{index: 6, type: sockaddr_un, sizeArgIndex: 8}"
    event = "syscalls/sys_enter_connect"
    names = [["/tmp/nobody"], ["@nobody"], ["/tmp/nobody", "@nobody", long], [long]]
    filters = [
        'index: 6, operator: Equal, values: ["/tmp/nobody", "/tmp/nobod", "nobody"]',
        'index: 6, operator: Prefix, values: ["@nob"]',
        "index: 6, operator: Family, values: [AF_UNIX]",
        'index: 6, operator: Postfix, values: ["xxxxx"]',
    ]

    shown = [values(run, tracepoint(event, arguments, one), connect) for one in filters]

    assert [[{"family": "AF_UNIX", "path": name} for name in one] for one in names] == [
        [hit[0] for hit in hits] for hits in shown
    ]


def test_internet_address(run: PolicyRun) -> None:
    """An address of the internet given to connect has family, address and port."""

    def connect() -> None:
        with socket.socket() as end:
            end.connect_ex(("127.0.0.1", 1))
        with socket.socket(socket.AF_INET6) as end:
            end.connect_ex(("::1", 1))

    argument, event = "{index: 6, type: sockaddr}", "syscalls/sys_enter_connect"
    port = 'index: 6, operator: SPort, values: ["1"]'
    both = values(run, tracepoint(event, argument, port), connect)
    one = values(
        run,
        tracepoint(event, argument, port, "index: 6, operator: SAddr, values: ['::/0']"),
        connect,
    )
    none = values(run, tracepoint(event, argument, port.replace('"1"', '"2"')), connect)

    second = {"family": "AF_INET6", "addr": "::1", "port": 1}
    assert [[{"family": "AF_INET", "addr": "127.0.0.1", "port": 1}], [second]] == both
    assert one == [[second]]
    assert none == []


def test_socket(run: PolicyRun) -> None:
    """A socket that a function is called with is shown by its sock, and addresses of the kernel."""
    arguments = (
        "{index: 0, type: socket}, {index: 1, type: sockaddr_un}, {index: 1, type: sockaddr}"
    )
    call = "security_socket_connect"
    if not needs_functions(run, function(call, arguments)):
        return

    def connect() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end:
            end.connect_ex("\0n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.connect_ex(("127.0.0.3", 9))

    sock = {"type": "SOCK_SEQPACKET", "family": "AF_UNIX", "saddr": "invalid IP", "sport": 0}
    none = {"family": "AF_UNIX", "addr": "invalid IP", "port": 0}
    unix = 'index: 0, operator: Family, values: ["AF_UNIX"]'
    name = "index: 1, operator: NotEqual, values: ['@m', '@', 'n', '@nn']"
    ((first, *others),) = values(run, function(call, arguments, unix, name), connect)
    missed = values(run, function(call, arguments, unix, name.replace("@m", "@n")), connect)
    address = 'args: [2], operator: SAddr, values: ["127.0.0.2/31"]'
    ((second, _, last),) = values(run, function(call, arguments, address), connect)

    assert sock == part_of(first, sock)
    assert [{"family": "AF_UNIX", "path": "@n"}, none] == others
    assert missed == []
    assert {"type": "SOCK_DGRAM", "protocol": "IPPROTO_UDP"} == part_of(
        second, {"type": "", "protocol": ""}
    )
    assert last == {"family": "AF_INET", "addr": "127.0.0.3", "port": 9}


@pytest.mark.parametrize("operator", ["SAddr", "NotSAddr", "SPort", "NotSPort", "SPortPriv"])
def test_no_ends(run: PolicyRun, operator: str) -> None:
    """Of an address that is none of the internet's, no filter on address or port holds."""

    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as end:
            end.connect_ex("/tmp/nobody")

    wanted = {"SAddr": ["0.0.0.0/0", "::/0"], "SPort": ["0:65535"]}
    chosen = wanted.get(operator, ["1.1.1.1"] if operator == "NotSAddr" else ["1"])
    one = f"index: 6, operator: {operator}, values: {chosen if 'Priv' not in operator else []}"
    text = tracepoint("syscalls/sys_enter_connect", "{index: 6, type: sockaddr}", one)

    assert values(run, text, connect) == []
