# SPDX-License-Identifier: Apache-2.0
"""What asks Kubernetes' API server is in the executable: a part of it is imported by name."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trustme

from exe.executables import DEADLINE_S, running_agent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Server(http.server.BaseHTTPRequestHandler):
    """Has no pods, and never a change."""

    protocol_version = "HTTP/1.1"
    is_over = threading.Event()
    is_watched = threading.Event()

    def do_GET(self) -> None:
        """Answer a list; leave a watch waiting."""
        assert "Bearer secret" == self.headers["Authorization"]
        if "watch=1" in self.path:
            self.is_watched.set()
            self.is_over.wait(DEADLINE_S)
        body = json.dumps({"items": [], "metadata": {"resourceVersion": "7"}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def api_server(directory: Path) -> Iterator[Path]:
    """The file to reach one with, over TLS."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    address = f"https://127.0.0.1:{server.server_address[1]}"
    config = {
        "clusters": [
            {"name": "c", "cluster": {"server": address, "certificate-authority": "ca.pem"}}
        ],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (directory / "kubeconfig").write_text(json.dumps(config))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield directory / "kubeconfig"
    finally:
        Server.is_over.set()
        server.shutdown()
        thread.join(DEADLINE_S)
        server.server_close()


def test_pods_are_listed_and_watched(executable: Path, tmp_path: Path) -> None:
    """Over TLS with a token: the list is counted by `status`, and the watch has begun."""
    with api_server(tmp_path) as kubeconfig:
        options = ("--enable-k8s-api", f"--k8s-kubeconfig-path={kubeconfig}")
        with running_agent(executable, tmp_path, *options) as address:
            assert Server.is_watched.wait(DEADLINE_S)
            status = subprocess.run(
                [executable, "status", f"--server-address={address}"],
                capture_output=True,
                check=False,
                text=True,
                timeout=DEADLINE_S,
            )
            Server.is_over.set()

    assert "pod_lists 1" in status.stdout
    assert "pods_unreadable 0" in status.stdout
