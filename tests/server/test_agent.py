# SPDX-License-Identifier: Apache-2.0
"""The agent as a process, with a pipe for a sensor: start, stream, losses, stop, crash."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import grpc
import pytest
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from server.harness import DEADLINE_S, names_in, spawn, subscribed, wait_until
from tetragon import events_pb2, sensors_pb2_grpc, tetragon_pb2

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def running_agent(run_dir: Path, *settings: str) -> Iterator[subprocess.Popen[bytes]]:
    with spawn(run_dir, *settings) as agent:
        try:
            wait_until((run_dir / "tetragon-info.json").exists, "the info file")
            yield agent
        finally:
            agent.kill()


@contextlib.contextmanager
def client_of(run_dir: Path) -> Iterator[sensors_pb2_grpc.FineGuidanceSensorsStub]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"unix:{run_dir}/tetragon.sock", options=options) as channel:
        yield sensors_pb2_grpc.FineGuidanceSensorsStub(channel)


def feed(agent: subprocess.Popen[bytes], letters: bytes) -> None:
    assert agent.stdin is not None
    agent.stdin.write(letters)
    agent.stdin.flush()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_records_become_events_in_order(tmp_path: Path) -> None:
    """Every record makes one event with the node's envelope, known parents and clean text."""
    with running_agent(tmp_path, "cluster_name=c1") as agent, client_of(tmp_path) as client:
        request = events_pb2.GetEventsRequest()
        stream = subscribed(client.GetEvents(request, timeout=DEADLINE_S))

        feed(agent, b"e" * 2000)

        events = [next(stream) for _ in range(2000)]
        stream.cancel()
    pids = [event.process_exec.process.pid.value for event in events]
    first = events[0]
    assert pids == list(range(pids[0], pids[0] + 2000))
    assert (first.cluster_name, bool(first.node_name)) == ("c1", True)
    assert first.process_exec.process.arguments == "\ufffd"
    assert list(first.process_exec.process.argv) == [b"true", b"\xff"]


def test_losses_and_bad_records_are_told(tmp_path: Path) -> None:
    """Refused and unmanageable records are noted on the next event, and counted."""
    with running_agent(tmp_path) as agent, client_of(tmp_path) as client:
        request = events_pb2.GetEventsRequest()
        stream = subscribed(client.GetEvents(request, timeout=DEADLINE_S))
        feed(agent, b"e")
        before = next(stream)
        feed(agent, b"LLLLx")
        health = tetragon_pb2.GetHealthStatusRequest()

        def counted() -> int:
            reply = client.GetHealth(health, timeout=DEADLINE_S)
            values: dict[str, int] = {one.name: one.value for one in reply.counters}
            return values["handler_errors"]

        wait_until(lambda: counted() == 1, "the bad record")

        feed(agent, b"e")

        assert (before.lost.before_agent, next(stream).lost.before_agent) == (0, 5)
        stream.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_stops_with_open_streams(tmp_path: Path, number: signal.Signals) -> None:
    """Despite a stream that nobody reads the agent is gone in time, and so are its files."""
    with running_agent(tmp_path) as agent, client_of(tmp_path) as client:
        held = subscribed(client.GetEvents(events_pb2.GetEventsRequest()))
        feed(agent, b"e" * 20_000)
        wait_until(lambda: next(held) is not None, "a first event")

        agent.send_signal(number)

        assert agent.wait(DEADLINE_S) == 0
        held.cancel()
    assert names_in(tmp_path) == []


def test_hangup_changes_nothing(tmp_path: Path) -> None:
    """An agent started from a terminal survives it."""
    with running_agent(tmp_path) as agent, client_of(tmp_path) as client:
        stream = subscribed(client.GetEvents(events_pb2.GetEventsRequest(), timeout=DEADLINE_S))

        agent.send_signal(signal.SIGHUP)
        feed(agent, b"e")

        assert next(stream).HasField("process_exec")
        stream.cancel()


def test_second_agent_names_the_first(tmp_path: Path) -> None:
    """A second agent exits with one line that has the first one's pid, and harms nothing."""
    with running_agent(tmp_path) as agent, client_of(tmp_path) as client:
        with spawn(tmp_path) as second:
            _, errors = second.communicate(timeout=DEADLINE_S)

        version = client.GetHealth(tetragon_pb2.GetHealthStatusRequest(), timeout=DEADLINE_S)
    assert second.returncode == 73
    assert f"(pid {agent.pid}," in errors.decode().splitlines()[-1]
    assert version.health_status[0].details == "running"


def test_restart_after_a_crash(tmp_path: Path) -> None:
    """An agent killed with -9 leaves its files behind; the next one takes them over and serves."""
    with running_agent(tmp_path) as crashed:
        crashed.kill()
        crashed.wait()
    left = names_in(tmp_path)
    (tmp_path / "tetragon-info.json").unlink()

    with running_agent(tmp_path) as agent, client_of(tmp_path) as client:
        client.GetHealth(tetragon_pb2.GetHealthStatusRequest(), timeout=DEADLINE_S)
        pid = int((tmp_path / "tetragon.pid").read_text())

    assert left == ["tetragon-info.json", "tetragon.pid", "tetragon.sock"]
    assert pid == agent.pid


def test_info_file_names_the_socket(tmp_path: Path) -> None:
    """Clients find the unix socket even when the main address is TCP."""
    with running_agent(tmp_path) as agent:
        info = json.loads((tmp_path / "tetragon-info.json").read_text())
        mode = (tmp_path / "tetragon-info.json").stat().st_mode & 0o777

    assert info["server_address"] == f"unix://{tmp_path}/tetragon.sock"
    assert info["pid"] == agent.pid
    assert mode == 0o744


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    """The line has the address; nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with spawn(tmp_path, f"server_address={address}") as agent:
            _, errors = agent.communicate(timeout=DEADLINE_S)

    assert agent.returncode == 73
    assert f"cannot listen on {address}: " in errors.decode().splitlines()[-1]
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("option", "warning"),
    [("health_server_address", "no health service"), ("metrics_server", "no metrics")],
)
def test_other_ports_in_use_are_warnings(tmp_path: Path, option: str, warning: str) -> None:
    """A taken port costs the health service, which is on by default, or the metrics: no agent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        setting = f"{option}=127.0.0.1:{taken.getsockname()[1]}"
        with running_agent(tmp_path, setting) as agent:
            agent.terminate()
            _, errors = agent.communicate(timeout=DEADLINE_S)

    assert f'level=warn msg="{warning}"' in errors.decode()
    assert agent.returncode == 0


def test_health_service(tmp_path: Path) -> None:
    """A liveness probe asks for service `liveness` and gets SERVING."""
    address = f"127.0.0.1:{free_port()}"
    with (
        running_agent(tmp_path, f"health_server_address={address}"),
        grpc.insecure_channel(address) as channel,
    ):
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        reply = check(HealthCheckRequest(service="liveness"), timeout=DEADLINE_S)

    assert reply.status == HealthCheckResponse.SERVING


def test_metrics(tmp_path: Path) -> None:
    """The loss counters are one metric with a label, and the page is where scrapers look."""
    address = f"127.0.0.1:{free_port()}"
    with running_agent(tmp_path, f"metrics_server={address}") as agent:
        feed(agent, b"LLL")
        page = ""

        def scraped() -> bool:
            nonlocal page
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=DEADLINE_S) as reply:
                page = reply.read().decode()
            return 'tetragon_mini_ring_lost_total{record="exec"} 3' in page

        wait_until(scraped, "three losses")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{address}/", timeout=DEADLINE_S)

    assert page.count("# TYPE tetragon_mini_ring_lost_total counter") == 1
    assert "\ntetragon_mini_subscribers 0.0\n" in page


def test_no_address_means_no_server(tmp_path: Path) -> None:
    """An empty address turns gRPC off; the agent runs all the same."""
    with running_agent(tmp_path, "server_address=") as agent:
        names = names_in(tmp_path)
        agent.terminate()
        agent.wait(DEADLINE_S)

    assert names == ["tetragon-info.json", "tetragon.pid"]
    assert agent.returncode == 0


def test_tcp_and_unix_serve_the_same(tmp_path: Path) -> None:
    """A subscriber on the TCP address and one on the socket see one stream."""
    address = f"127.0.0.1:{free_port()}"
    with (
        running_agent(tmp_path, f"server_address={address}") as agent,
        client_of(tmp_path) as local,
        grpc.insecure_channel(address) as channel,
    ):
        remote = sensors_pb2_grpc.FineGuidanceSensorsStub(channel)
        request = events_pb2.GetEventsRequest()
        streams = [
            subscribed(client.GetEvents(request, timeout=DEADLINE_S)) for client in (local, remote)
        ]

        feed(agent, b"e" * 3)

        seen = [[next(stream) for _ in range(3)] for stream in streams]
        for stream in streams:
            stream.cancel()
    assert seen[0] == seen[1]
