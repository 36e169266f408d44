# SPDX-License-Identifier: Apache-2.0
"""TrackSock, UntrackSock, returnArgAction: whose a socket is, whoever works on it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from kernel.policies import start
from kernel.registers import STACK_POINTER
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from kernel.policies import PolicyRun

POST, TRACK_SOCK, UNTRACK_SOCK = 1, 11, 12


CONNECTIONS = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: connections}}
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
    args: [{{index: 0, type: sock}}]
    selectors:
    - matchArgs: [{{index: 0, operator: DPort, values: ["{port}"]}}]
      matchActions: [{{action: TrackSock, argSock: 0}}]
  - call: tcp_sendmsg
    syscall: false
    args: [{{index: 0, type: sock}}, {{index: 2, type: int}}]
    selectors:
    - matchArgs:
      - {{index: 0, operator: DPort, values: ["{port}"]}}
      - {{index: 2, operator: Equal, values: ["1"]}}
    - matchArgs:
      - {{index: 0, operator: DPort, values: ["{port}"]}}
      - {{index: 2, operator: Equal, values: ["2"]}}
      matchActions: [{{action: UntrackSock, argSock: 0}}]
"""


def is_refused(run: PolicyRun, text: str) -> bool:
    """Whether functions cannot be hooked on this kernel; then a policy has to say so."""
    abilities = run.engine.kernel.abilities
    if abilities.can_fentry or abilities.can_kprobe:
        return False
    with pytest.raises(PolicyError, match="no way to attach"):
        run.hits(text, lambda: None)
    return True


def test_tracked_sockets(run: PolicyRun) -> None:
    """What another process does with a tracked socket is reported of the one that tracked it."""
    if is_refused(run, CONNECTIONS.format(port=1)):
        return
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def connect_and_let_a_child_send() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            os.waitpid(start(lambda: [connection.send(text) for text in (b"1", b"22", b"1")]), 0)

    with run.loaded(CONNECTIONS.format(port=port)):
        pid = start(connect_and_let_a_child_send)
        hits = run.hits_until_exit(pid, of_all=True)
    listener.close()

    assert [
        ("tcp_connect", TRACK_SOCK, True),
        ("tcp_sendmsg", POST, True),
        ("tcp_sendmsg", UNTRACK_SOCK, True),
        ("tcp_sendmsg", POST, False),
    ] == [(hit.info.function_name, hit.action, hit.process.tgid == pid) for hit in hits]


ACCEPTED = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: accepted}}
spec:
  kprobes:
  - call: inet_csk_accept
    syscall: false
    return: true
    {more}
    returnArg: {{index: 0, type: sock}}
    returnArgAction: TrackSock
  - call: tcp_sendmsg
    syscall: false
    return: true
    {more}
    args: [{{index: 0, type: sock}}]
    returnArg: {{index: 0, type: int}}
    selectors:
    - matchArgs: [{{index: 0, operator: SPort, values: ["{port}"]}}]
"""
REGISTERS = f"data: [{{index: 0, type: uint64, source: pt_regs, resolve: {STACK_POINTER}}}]"


@pytest.mark.parametrize("more", ["", REGISTERS], ids=["one program", "two programs"])
def test_tracked_results(run: PolicyRun, more: str) -> None:
    """ReturnArgAction tracks the socket that a function returns."""
    if is_refused(run, ACCEPTED.format(port=1, more=more)):
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()

        def accept_and_let_a_child_send() -> None:
            connection, _ = listener.accept()
            os.waitpid(start(lambda: connection.send(b"1")), 0)

        with run.loaded(ACCEPTED.format(port=address[1], more=more)):
            pid = start(accept_and_let_a_child_send)
            with socket.create_connection(address):
                hits = run.hits_until_exit(pid, of_all=True)

    assert [("inet_csk_accept", pid), ("tcp_sendmsg", pid)] == [
        (hit.info.function_name, hit.process.tgid) for hit in hits
    ]
    assert [1] == [hit.return_value.value for hit in hits[1:] if hit.return_value]
