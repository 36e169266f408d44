# SPDX-License-Identifier: Apache-2.0
"""Pods and containers by CRI, as the kubelet makes them, without a kubelet."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from runtimes.cells import DEADLINE_S, await_true
from runtimes.images import NAME
from runtimes.model import Started
from runtimes.unpacked import UNPACKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from runtimes.containerd import Containerd

__all__ = ["Cri", "StartedInPod", "open_cri"]

_API: Final = UNPACKED / "sid/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1"
POD_NAMESPACE: Final = "spaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedInPod(Started):
    """A container of a pod of its own."""

    pod_name: str
    pod_namespace: str
    pod_uid: str
    sandbox_id: str


class Cri:
    """A client. Containers get a pod each, whose name is theirs with "pod-" before it."""

    kind: Final = "containerd"

    def __init__(self, daemon: Containerd, channel: grpc.Channel, api: Path) -> None:
        """`api`: where the classes of messages are."""
        self.daemon = daemon
        self._api = _load(api, "api_pb2")
        self._runtime: Any = _load(api, "api_pb2_grpc").RuntimeServiceStub(channel)
        self._logs = daemon.directory / "logs"

    @property
    def agent_prefix(self) -> tuple[str, ...]:
        """The agent sees its cgroups from anywhere."""
        return ()

    @property
    def agent_options(self) -> tuple[str, ...]:
        """Options with which the agent finds it."""
        return ("--container-runtimes", f"cri={self.daemon.socket}", "--enable-cri")

    def start(self, name: str, *command: str, labels: Mapping[str, str] | None = None) -> Started:
        """Run a sandbox, create a container in it, and start it."""
        uid = str(uuid.uuid4())
        pod = self.run_pod(f"pod-{name}", POD_NAMESPACE, uid, labels=labels)
        return self.start_in(pod, name, *command)

    def run_pod(
        self, name: str, namespace: str, uid: str, *, labels: Mapping[str, str] | None = None
    ) -> tuple[Any, str]:
        """A sandbox without containers: its configuration, and its id."""
        config = self._api.PodSandboxConfig(
            metadata=self._api.PodSandboxMetadata(name=name, uid=uid, namespace=namespace),
            log_directory=str(self._logs),
            labels={**_pod_labels(name, namespace, uid), **(labels or {})},
            linux=self._api.LinuxPodSandboxConfig(
                # Not at the top: a kubelet on this machine would end pods that are not its own.
                cgroup_parent=f"/{self.daemon.namespace}/kubepods/burstable/pod{uid}",
                security_context=self._api.LinuxSandboxSecurityContext(
                    namespace_options=self._namespaces()
                ),
            ),
        )
        made = self._call("RunPodSandbox", config=config)
        return config, made.pod_sandbox_id

    def start_in(self, pod: tuple[Any, str], name: str, *command: str) -> StartedInPod:
        """Start a container in a sandbox."""
        of_pod, sandbox = pod
        config = self._api.ContainerConfig(
            metadata=self._api.ContainerMetadata(name=name),
            image=self._api.ImageSpec(image=NAME),
            command=list(command),
            log_path=f"{name}.log",
            labels={
                **_pod_labels(of_pod.metadata.name, of_pod.metadata.namespace, of_pod.metadata.uid),
                "io.kubernetes.container.name": name,
            },
            linux=self._api.LinuxContainerConfig(
                security_context=self._api.LinuxContainerSecurityContext(
                    namespace_options=self._namespaces()
                )
            ),
        )
        made = self._call(
            "CreateContainer", pod_sandbox_id=sandbox, config=config, sandbox_config=of_pod
        )
        self._call("StartContainer", container_id=made.container_id)
        return StartedInPod(
            id=made.container_id,
            name=name,
            image=NAME,
            pod_name=of_pod.metadata.name,
            pod_namespace=of_pod.metadata.namespace,
            pod_uid=of_pod.metadata.uid,
            sandbox_id=sandbox,
        )

    def execute(self, container: Started, *command: str) -> None:
        """ExecSync."""
        done = self._call("ExecSync", container_id=container.id, cmd=command, timeout=DEADLINE_S)
        assert done.exit_code == 0, done

    def pause(self, container: Started) -> None:
        """Freeze its processes: CRI has no call for it."""
        self.daemon.run("k8s.io", "task", "pause", container.id)

    def unpause(self, container: Started) -> None:
        """Let them go on."""
        self.daemon.run("k8s.io", "task", "resume", container.id)

    def remove(self, container: Started) -> None:
        """Stop and remove its pod."""
        assert isinstance(container, StartedInPod)
        self.remove_pod(container.sandbox_id)

    def remove_pod(self, sandbox: str) -> None:
        """Stop and remove a sandbox and what is in it.

        Asked again while containerd has not noticed the end of a container, as the kubelet does.
        """

        def is_removed() -> bool:
            try:
                self._call("StopPodSandbox", pod_sandbox_id=sandbox)
                self._call("RemovePodSandbox", pod_sandbox_id=sandbox)
            except grpc.RpcError as error:
                if "still running" not in str(error):
                    raise
                return False
            return True

        await_true(is_removed, f"the end of sandbox {sandbox}")

    def remove_all(self) -> None:
        """Stop and remove all sandboxes."""
        for one in self._call("ListPodSandbox").items:
            self.remove_pod(one.id)

    def spec(self, container: Started) -> dict[str, Any]:
        """The OCI configuration that containerd gave to the runtime."""
        status = self._call("ContainerStatus", container_id=container.id, verbose=True)
        found: dict[str, Any] = json.loads(status.info["info"])["runtimeSpec"]
        return found

    def restart_daemon(self) -> None:
        """Kill containerd and start it again."""
        self.daemon.restart()

    def _call(self, name: str, **fields: object) -> Any:
        request = getattr(self._api, f"{name}Request")(**fields)
        return getattr(self._runtime, name)(request, timeout=DEADLINE_S, wait_for_ready=True)

    def _namespaces(self) -> object:
        """The host's network, which takes no CNI plugin."""
        return self._api.NamespaceOption(network=self._api.NODE, pid=self._api.CONTAINER)


def _pod_labels(name: str, namespace: str, uid: str) -> dict[str, str]:
    """As the kubelet sets them."""
    return {
        "io.kubernetes.pod.name": name,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.uid": uid,
    }


def _load(directory: Path, name: str) -> ModuleType:
    sys.path.insert(0, str(directory))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(directory))


@contextmanager
def open_cri(daemon: Containerd) -> Iterator[Cri]:
    """A client until the end of the block; its pods end then."""
    api = UNPACKED / "cri"
    if not (api / "api_pb2_grpc.py").exists():
        api.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_API}", f"--python_out={api}"]
        subprocess.run([*command, f"--grpc_python_out={api}", "api.proto"], check=True)
    with grpc.insecure_channel(f"unix://{daemon.socket}") as channel:
        cri = Cri(daemon, channel, api)
        try:
            yield cri
        finally:
            cri.remove_all()
