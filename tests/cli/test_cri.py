# SPDX-License-Identifier: Apache-2.0
"""`cri` against a container runtime of the tests: another gRPC server than any of ours."""

from __future__ import annotations

import json
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tetragon_k8s.runtimes.cri_messages import MESSAGES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

VERSION = bytes.fromhex("0a05302e312e30 120a636f6e7461696e657264 1a05312e372e32 22027631")
"""version 0.1.0, containerd, 1.7.2, v1, as the wire has it."""
SPEC = {"runtimeSpec": {"linux": {"cgroupsPath": "kubepods-pod1.slice:cri-containerd:c1"}}}


class Runtime:
    """Answers as its fields say."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.info: dict[str, str] = {"info": json.dumps(SPEC)}
        self.version = VERSION

    def Version(self, _request: bytes, _context: Any) -> bytes:  # noqa: N802  # the rpc's name
        """Any bytes."""
        return self.version

    def ContainerStatus(self, request: bytes, context: Any) -> bytes:  # noqa: N802  # as above
        """Of one container."""
        asked = MESSAGES["ContainerStatusRequest"].FromString(request)
        assert asked.verbose
        if asked.container_id != "c1":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such\ncontainer")
        reply: bytes = MESSAGES["ContainerStatusResponse"](info=self.info).SerializeToString()
        return reply


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A runtime on a private socket."""
    running = Runtime(f"unix://{tmp_path}/cri.sock")
    methods: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(getattr(running, name))
        for name in ("Version", "ContainerStatus")
    }
    server = grpc.server(futures.ThreadPoolExecutor(1))
    handler = grpc.method_handlers_generic_handler("runtime.v1.RuntimeService", methods)
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"unix:{tmp_path}/cri.sock")
    server.start()
    yield running
    server.stop(grace=0).wait(timeout=10)


def test_version_as_text(runtime: Runtime, run_client: Run) -> None:
    """Fields by name, as upstream's raw form."""
    done = run_client("cri", "version", "-r", runtime.endpoint)

    expected = 'version:"0.1.0"  runtime_name:"containerd"  runtime_version:"1.7.2"'
    assert f'{expected}  runtime_api_version:"v1"\n' == done.stdout


def test_version_as_json(runtime: Runtime, run_client: Run) -> None:
    """The options may stand before the subcommand."""
    done = run_client("cri", "-o", "json", "-r", runtime.endpoint, "version")

    assert ("containerd", "v1") == (
        json.loads(done.stdout)["runtime_name"],
        json.loads(done.stdout)["runtime_api_version"],
    )


def test_cgroup_of_a_container(runtime: Runtime, run_client: Run) -> None:
    """What systemd's driver says is made a path."""
    done = run_client("cri", "cgroup_path", "c1", "--runtime-endpoint", runtime.endpoint)

    path = "/kubepods.slice/kubepods-pod1.slice/cri-containerd-c1.scope\n"
    assert (0, path) == (done.returncode, done.stdout)


@pytest.mark.parametrize(
    "info", [{}, {"info": "{"}, {"info": "[]"}, {"info": '{"runtimeSpec":{}}'}], ids=str
)
def test_a_runtime_that_does_not_tell(
    info: dict[str, str], runtime: Runtime, run_client: Run
) -> None:
    """One line, whatever the answer is like."""
    runtime.info = info

    done = run_client("cri", "cgroup_path", "c1", "-r", runtime.endpoint)

    assert 1 == done.returncode
    assert f"Error: {runtime.endpoint} does not tell the cgroup path\n" == done.stderr


def test_what_the_runtime_refuses(runtime: Runtime, run_client: Run) -> None:
    """Its words, in one line."""
    done = run_client("cri", "cgroup_path", "c2", "-r", runtime.endpoint)

    assert 1 == done.returncode
    assert done.stderr.endswith("failed: no such container\n")
    assert 1 == len(done.stderr.splitlines())


def test_garbage_in_place_of_a_version(runtime: Runtime, run_client: Run) -> None:
    """An error, no trace."""
    runtime.version = b"\xff\xff"

    done = run_client("cri", "version", "-r", runtime.endpoint)

    assert (1, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [("unix:///nowhere/cri.sock", "unable to connect"), ("tcp://localhost:1", "only unix")],
)
def test_nobody_there(endpoint: str, message: str, run_client: Run) -> None:
    """Told at once."""
    done = run_client("cri", "version", "-r", endpoint)

    assert done.returncode
    assert message in done.stderr
