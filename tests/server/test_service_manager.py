# SPDX-License-Identifier: Apache-2.0
"""What the agent tells the service manager that started it."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from server.harness import DEADLINE_S
from server.running_agent import running_agent
from tetragon_server.service_manager import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        manager.settimeout(DEADLINE_S)
        yield manager


def heard(manager: socket.socket) -> dict[str, str]:
    lines = manager.recv(4096).decode().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent is ready when it listens, reloads within two notices, and says that it stops."""
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    run_dir = tmp_path / "run"

    with listening(address) as manager, running_agent(run_dir) as agent:
        assert {"STATUS": "loading policies"} == heard(manager)
        ready = heard(manager)
        assert (run_dir / "tetragon.sock").is_socket()
        before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        agent.process.send_signal(signal.SIGHUP)
        reloading, reloaded = heard(manager), heard(manager)
        agent.process.send_signal(signal.SIGTERM)
        stopping = heard(manager)

    assert "1" == ready["READY"]
    assert ready["STATUS"].startswith("listening at ")
    assert "1" == reloading["RELOADING"]
    after_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before_us <= int(reloading["MONOTONIC_USEC"]) <= after_us
    assert {"READY": "1"} == reloaded
    assert {"STOPPING": "1", "STATUS": "stopping"} == stopping


def test_a_socket_without_a_file() -> None:
    """A name that begins with @ is an abstract one."""
    address = "@tetragon-mini-test-notify"

    with listening(address) as manager:
        ServiceManager.of({"NOTIFY_SOCKET": address}).stopping()

        assert "1" == heard(manager)["STOPPING"]


def test_the_variable_is_for_nobody_else() -> None:
    """Children do not tell the manager anything in the agent's name."""
    environment = {"NOTIFY_SOCKET": "/nowhere", "HOME": "/"}

    ServiceManager.of(environment)

    assert {"HOME": "/"} == environment


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/nowhere/notify", "the service manager was not told"),
        ("vsock:2:1", "the service manager cannot be told anything"),
    ],
)
def test_nobody_listens(address: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log, and stops nothing."""
    ServiceManager.of({"NOTIFY_SOCKET": address}).ready("listening")

    assert said in caplog.text


def test_a_reload_that_fails_ends_all_the_same(tmp_path: Path) -> None:
    """`systemctl reload` does not wait for ever."""
    address = str(tmp_path / "notify")

    def fail() -> None:
        raise ValueError("broken")

    with listening(address) as manager:
        with pytest.raises(ValueError, match="broken"):
            ServiceManager(address).reloading(fail)()

        assert ["RELOADING", "READY"] == [next(iter(heard(manager))) for _ in range(2)]
