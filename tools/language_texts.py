# SPDX-License-Identifier: Apache-2.0
"""What operators compare and actions do, for tools/gen_policy_language.py; names are the code's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.argument_types import Shape
from tetragon_core.policy.operators import Test

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ACTIONS", "SHAPES", "TESTS"]

SHAPES: Final[Mapping[Shape, str]] = {
    Shape.INTEGER: "numbers",
    Shape.TEXT: "texts and bytes",
    Shape.PATH: "files, by path",
    Shape.SOCKET: "sockets",
    Shape.PACKET: "packets",
    Shape.SOCKET_ADDRESS: "addresses that a process gives",
    Shape.UNIX_ADDRESS: "addresses of unix sockets",
    Shape.CAPABILITIES: "sets of capabilities",
    Shape.SYSCALL: "numbers of system calls",
    Shape.OTHER: "shown in events; no filter looks at them",
    Shape.UNKNOWN: "whatever the kernel says the argument is",
}

TESTS: Final[Mapping[Test, str]] = {
    Test.EQUALITY: "numbers, texts or sets of capabilities, as the type is",
    Test.TEXT: "beginnings, ends or parts of texts",
    Test.ORDER: "one number",
    Test.MASK: "numbers; one common bit is enough",
    Test.RANGE: "`min:max`",
    Test.SET: "numbers, `min:max`, or `list:NAME`",
    Test.ADDRESS: "IP addresses and networks, as `10.0.0.0/8`",
    Test.PORT: "ports, or `min:max`",
    Test.PRIVILEGED_PORT: "none: ports below 1024",
    Test.PROTOCOL: "protocols, as `IPPROTO_TCP`",
    Test.FAMILY: "address families, as `AF_INET`",
    Test.STATE: "states of sockets, as `TCP_ESTABLISHED`",
    Test.GAINED: "none: `args` names two sets, the old one and the new one",
    Test.FILE_TYPE: "kinds of files: `reg`, `dir`, `lnk`, `sock`, `fifo`, `blk`, `char`",
    Test.EXPRESSION: "expressions over the argument",
}

ACTIONS: Final[Mapping[str, str]] = {
    "Post": "An event; this is what happens without any action, too.",
    "NoPost": "No event.",
    "Sigkill": "The process is killed before its next instruction.",
    "Signal": "The process gets a signal.",
    "Override": "The call returns an error instead of being done; in uprobes, goes on elsewhere.",
    "NotifyEnforcer": "The functions of `enforcers` deny, or kill, in the same call.",
    "CleanupEnforcerNotification": "Takes back what NotifyEnforcer said.",
    "TrackSock": "Remembers which process a socket belongs to, for events in other contexts.",
    "UntrackSock": "Forgets it.",
    "GetUrl": "The agent fetches a URL; with `--enable-policy-network-actions`.",
    "DnsLookup": "The agent looks a name up; with `--enable-policy-network-actions`.",
    "Set": "A number is written where the argument of a probe points.",
}
