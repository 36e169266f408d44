# SPDX-License-Identifier: Apache-2.0
"""Addresses become listening sockets, and nobody else's socket is taken away."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from server.harness import names_in, open_descriptors
from tetragon_core.errors import AlreadyRunningError, UsageError
from tetragon_server.listeners import bind_address, tcp_sockets, unix_socket

if TYPE_CHECKING:
    from pathlib import Path


def test_unix_socket_is_for_root_and_removed_at_the_end(tmp_path: Path) -> None:
    """Directories are made, the mode is 0660, and at the end nothing is left."""
    path = tmp_path / "a" / "b" / "t.sock"

    with unix_socket(str(path)):
        mode = path.stat().st_mode & 0o777
        beside = names_in(path.parent)

    assert mode == 0o660
    assert beside == ["t.sock"]
    assert names_in(path.parent) == []


def test_stale_socket_is_replaced(tmp_path: Path) -> None:
    """What a crashed agent left behind does not answer, so it goes."""
    path = tmp_path / "t.sock"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(path))

    with unix_socket(str(path)), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_other_file_is_not_replaced(tmp_path: Path) -> None:
    """A file that is no socket keeps its content, whatever the option names."""
    path = tmp_path / "passwd"
    path.write_text("root")

    with (
        pytest.raises(UsageError, match="passwd: it exists and is no socket; move it"),
        unix_socket(str(path)),
    ):
        pass

    assert path.read_text() == "root"


def test_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    """A socket that somebody serves stays theirs."""
    path = str(tmp_path / "t.sock")
    with (
        unix_socket(path),
        pytest.raises(AlreadyRunningError, match=f"unix://{path}: another program"),
        unix_socket(path),
    ):
        pass


def test_replaced_socket_is_not_removed(tmp_path: Path) -> None:
    """An agent that ends removes its own socket, not that of its successor."""
    path = tmp_path / "t.sock"
    with contextlib.ExitStack() as stack:
        stack.enter_context(unix_socket(str(path)))
        path.unlink()
        path.touch()

    assert path.exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("localhost:http", "'http' is not a port"),
        ("localhost:65536", "'65536' is not a port"),
        ("no-such-host.invalid:1", "check the name"),
        ("unix://relative", "absolute path"),
        ("unix:///proc/no/such/place", "No such file"),
        ("unix:///" + "x" * 200, "too long"),
    ],
)
def test_bad_addresses_say_what_is_wrong(address: str, message: str) -> None:
    """One line with the address and the reason."""
    with pytest.raises(UsageError) as refused, bind_address(address):
        pass

    assert str(refused.value).startswith(f"cannot listen on {address}: ")
    assert message in str(refused.value)


def test_localhost_listens_on_all_its_addresses() -> None:
    """Every address `localhost` has on this host, all with one port."""
    sockets = tcp_sockets("localhost:0")

    names = {one.getsockname()[0] for one in sockets}
    ports = {one.getsockname()[1] for one in sockets}
    for one in sockets:
        one.close()
    assert "127.0.0.1" in names
    assert names <= {"127.0.0.1", "::1"}
    assert len(ports) == 1


def test_localhost_needs_no_file_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells names, as in a root of few files, it is this host; no other name is."""

    def know_nothing(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", know_nothing)
    sockets = tcp_sockets("localhost:0")
    hosts = {one.getsockname()[0] for one in sockets}
    for one in sockets:
        one.close()

    assert "127.0.0.1" in hosts
    assert hosts <= {"127.0.0.1", "::1"}
    with pytest.raises(UsageError, match="check the name"):
        tcp_sockets("elsewhere:0")


def test_address_without_port_gets_the_default_one() -> None:
    """`127.0.0.1` is `127.0.0.1:54321`, which shows in the error when the port is taken."""
    with contextlib.ExitStack() as stack:
        try:
            sockets = stack.enter_context(bind_address("127.0.0.1"))
        except AlreadyRunningError:
            # Something on this machine has it: then that is the proof.
            stack.enter_context(socket.create_connection(("127.0.0.1", 54321)))
            return
        ports = [one.getsockname()[1] for one in sockets]

    assert ports == [54321]


def test_taken_port_frees_the_others() -> None:
    """When one of several addresses is taken, the sockets opened before it are closed."""
    before = open_descriptors()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(AlreadyRunningError, match=address):
            tcp_sockets(address)

    assert open_descriptors() == before
