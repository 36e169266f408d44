# SPDX-License-Identifier: Apache-2.0
"""Policies for some containers through the whole agent: announced, hit, shown by the commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

import grpc
import pytest

from kernel.agents import address, running_agent, subscribed
from kernel.cgroups import enter, made_cgroup
from kernel.policies import start
from tetragon import tetragon_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tetragon_core.cgroups import Hierarchy

ID: Final = f"{os.getpid():064x}"
POLICY: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: {name}}}
spec:
  {selector}
  tracepoints: [{{subsystem: syscalls, event: sys_enter_umask, message: {name}}}]
"""
SELECTORS: Final = {
    "web": "containerSelector: {matchLabels: {name: web}}",
    "db": "containerSelector: {matchLabels: {name: db}}",
    "every": "podSelector: {}",
    "the-host": "hostSelector: {}",
    "team": "podSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': team-a}}",
}


def client(*words: str) -> list[str]:
    """Lines of what a command prints."""
    command = [sys.executable, "-m", "tetragon_cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.splitlines()


def announce(directory: Path, path: str) -> None:
    """As a hook does, that waits for the reply before the container's first process runs."""
    known = pb.CreateContainer(
        cgroupsPath=path,
        containerID=ID,
        containerName="web",
        podNamespace="team-a",
        podName="web-0",
    )
    with grpc.insecure_channel(address(directory)) as channel:
        call = channel.unary_unary(
            "/tetragon.FineGuidanceSensors/RuntimeHook",
            request_serializer=pb.RuntimeHookRequest.SerializeToString,
            response_deserializer=pb.RuntimeHookResponse.FromString,
        )
        call(pb.RuntimeHookRequest(createContainer=known))


def mask_in(cgroup: Path | None) -> int:
    """A process that enters the cgroup and does what the policies watch; its pid."""

    def act() -> None:
        if cgroup is not None:
            enter(cgroup)
        os.umask(0o22)

    pid = start(act)
    os.waitpid(pid, 0)
    return pid


@pytest.fixture
def home(hierarchy: Hierarchy) -> Iterator[Path]:
    """The cgroup of a container, as containerd names it."""
    with made_cgroup(hierarchy, f"cri-containerd-{ID}.scope") as made:
        yield made


@pytest.mark.one_kernel("test_policy_workloads has the kernel's side", vm="5.10")
def test_first_process_of_an_announced_container(
    tmp_path: Path, workload: Path, home: Path
) -> None:
    """Every policy that selects it is in force when the announcement's reply has come, in its
    sub-cgroups too; and the commands show which these are.
    """
    for name, selector in SELECTORS.items():
        (tmp_path / f"{name}.yaml").write_text(POLICY.format(name=name, selector=selector))
    options = [f"--tracing-policy={tmp_path}/{name}.yaml" for name in SELECTORS]
    run_dir = ("--run-dir", str(tmp_path))
    with running_agent(tmp_path, *options), subscribed(tmp_path, workload / "finish") as events:
        announce(tmp_path, f"/{home.name}")
        (home / "inner").mkdir()
        inside = [mask_in(home), mask_in(home / "inner")]
        outside = mask_in(None)
        (home / "inner").rmdir()
        events.mark(workload / "finish", "last-marker")
        dump = client("policyfilter", "dump", *run_dir)
        server = ("--server-address", address(tmp_path))
        listed = client("policyfilter", "listpolicies", ID, *run_dir, *server)
        homes = client("cgtracker", "dump", *run_dir)

    hits = Counter(
        (one["process_tracepoint"]["policy_name"], one["process_tracepoint"]["process"]["pid"])
        for one in events.events()
        if "process_tracepoint" in one
    )
    number = home.stat().st_ino
    assert {(name, pid): 1 for name in ("web", "every", "team") for pid in inside} == {
        key: count for key, count in hits.items() if key[1] in inside
    }
    assert [("the-host", outside)] == [key for key in hits if key[1] == outside]
    assert 3 == sum(str(number) in line for line in dump)
    assert {"web", "every", "team"} == {line.split()[1] for line in listed[1:]}
    assert f"{number}: [{number}]" in homes
