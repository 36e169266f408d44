# SPDX-License-Identifier: Apache-2.0
"""A real kube-apiserver with its etcd, in a private directory and on private ports."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

__all__ = ["ADMIN", "AGENT", "POD_READER", "STRANGER", "ApiServer", "Refused"]

ROOT: Final = Path(__file__).parents[2]
DEADLINE_S: Final = 60
PAUSE_S: Final = 0.05

ADMIN: Final = "admin"
AGENT: Final = "agent"
"""A user of group tetragon-agents: may do what a test grants by RBAC."""
POD_READER: Final = "pod-reader"
"""May list and watch pods, and nothing else."""
STRANGER: Final = "stranger"
"""May nothing."""

_GROUPS: Final = {
    ADMIN: "system:masters",
    AGENT: "tetragon-agents",
    POD_READER: "pod-readers",
    STRANGER: "strangers",
}
_PLURALS: Final = {
    "NetworkPolicy": "networkpolicies",
    "TracingPolicy": "tracingpolicies",
    "TracingPolicyNamespaced": "tracingpoliciesnamespaced",
}


class Refused(Exception):  # noqa: N818  # what it is
    """The server answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"HTTP {status}: {body[:500]}")
        self.status = status
        self.body = body


def free_port() -> int:
    """A TCP port of the loopback device that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class ApiServer:
    """Both processes; the API server can be killed and started again over the same data."""

    def __init__(self, programs: Path, directory: Path, *more: str) -> None:
        """`more`: options of kube-apiserver besides."""
        self._programs = programs
        self._directory = directory
        self._more = more
        self._port = free_port()
        self.etcd_url = f"http://127.0.0.1:{free_port()}"
        self.url = f"https://127.0.0.1:{self._port}"
        self.ca = directory / "certs/apiserver.crt"
        self._etcd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._prepare()

    def _prepare(self) -> None:
        (self._directory / "certs").mkdir(parents=True)
        key = self._directory / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        lines = [f'token-{user},{user},{user},"{group}"' for user, group in _GROUPS.items()]
        (self._directory / "tokens.csv").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start what does not run, and return when it answers."""
        if self._etcd is None:
            peers = f"http://127.0.0.1:{free_port()}"
            self._etcd = self._run(
                "etcd",
                f"--data-dir={self._directory}/etcd",
                f"--listen-client-urls={self.etcd_url}",
                f"--advertise-client-urls={self.etcd_url}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                "--unsafe-no-fsync",
            )
        if self._server is None:
            self._server = self._run("kube-apiserver", *self._options(), *self._more)
        self.await_ready()

    def _options(self) -> list[str]:
        key = self._directory / "sa.key"
        return [
            f"--etcd-servers={self.etcd_url}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self.ca.parent}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--token-auth-file={self._directory}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged=true",
        ]

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._directory / f"{program}.log").open("ab") as log:
            return subprocess.Popen([self._programs / program, *arguments], stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Return when the server and its roles are there; fail with its log when it ends."""
        pause = threading.Event()
        deadline = time.monotonic() + DEADLINE_S
        while not self._is_ready():
            assert self._server is not None
            log = (self._directory / "kube-apiserver.log").read_text()[-3000:]
            assert self._server.poll() is None, log
            assert time.monotonic() < deadline, f"the API server is not ready: {log}"
            pause.wait(PAUSE_S)

    def _is_ready(self) -> bool:
        if not self.ca.exists():
            return False
        try:
            with self._open("GET", "/readyz", ADMIN) as answer:
                is_ready: bool = answer.read() == b"ok"
                return is_ready
        except (OSError, Refused):  # URLError, and what ssl says, are OSErrors
            return False

    def kill(self) -> None:
        """End the API server at once; etcd and its data stay."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(DEADLINE_S)
            self._server = None

    def signal(self, number: int) -> None:
        """Send the API server a signal, such as SIGSTOP."""
        assert self._server is not None
        self._server.send_signal(number)

    def stop(self) -> None:
        """End both."""
        self.kill()
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait(DEADLINE_S)
            self._etcd = None

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = ADMIN,
        token: str = "",
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Send a request, by a user or with a token, and return the answer; raises Refused."""
        with self._open(method, path, user, body, content_type, token) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def _open(
        self,
        method: str,
        path: str,
        user: str,
        body: object = None,
        content_type: str = "application/json",
        token: str = "",
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        bearer = token or f"token-{user}"
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": content_type}
        request = urllib.request.Request(  # the scheme is always https
            f"{self.url}{path}", data=data, headers=headers, method=method
        )
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            return urllib.request.urlopen(request, timeout=DEADLINE_S, context=context)
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode(errors="replace")) from None

    def create(self, *objects: dict[str, Any]) -> list[dict[str, Any]]:
        """Create objects of any kind, by their apiVersion and kind."""
        return [self.request("POST", collection(one), one) for one in objects]

    def kubeconfig(self, user: str = AGENT, token: str = "") -> Path:
        """A file to reach the server with, as this user, or with a token of another."""
        path = self._directory / f"{user}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token or f"token-{user}"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config))
        return path

    def compact(self) -> None:
        """Make etcd forget all earlier versions, so that they cannot be watched from."""
        newest = self.request("GET", "/api/v1/namespaces")["metadata"]["resourceVersion"]
        body = json.dumps({"revision": newest, "physical": True}).encode()
        request = urllib.request.Request(f"{self.etcd_url}/v3/kv/compaction", data=body)
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            answer.read()


def collection(one: dict[str, Any]) -> str:
    """The path of the objects of this kind, in this one's namespace."""
    version, kind = one["apiVersion"], one["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = one["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{_PLURALS.get(kind, f'{kind.lower()}s')}"
