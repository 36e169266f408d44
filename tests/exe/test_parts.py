# SPDX-License-Identifier: Apache-2.0
"""Parts that the executable loads only when they are used: they are in it, and work."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import urllib.request
from typing import TYPE_CHECKING

from exe.executables import DEADLINE_S, fence, running_agent, start

if TYPE_CHECKING:
    from pathlib import Path


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes all that is posted."""

    bodies: list[bytes]
    is_there: threading.Event

    def do_POST(self) -> None:
        """Keep the body."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        if b"exe-parts-mark" in self.bodies[-1]:
            self.is_there.set()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_patterns_and_expressions(executable: Path, tmp_path: Path) -> None:
    """RE2 and CEL choose events, and refuse what is none."""
    patterns = (
        "--process=/true$",
        "--cel-expression=process_exec.process.arguments.startsWith('exe-parts')",
    )
    with running_agent(executable, tmp_path) as address:
        client = start(
            executable, "getevents", "-o", "json", f"--server-address={address}", *patterns
        )
        wrong = start(executable, "getevents", f"--server-address={address}", "--process=(")
        _, refused = wrong.communicate(timeout=DEADLINE_S)
        assert client.stdout is not None
        lines = iter(client.stdout)
        fence(lines, "exe-parts-fence")
        subprocess.run(["/bin/true", "other"], check=True)
        subprocess.run(["/bin/true", "exe-parts-mark"], check=True)
        found = next(line for line in lines if "fence" not in line)
        client.terminate()
        client.communicate(timeout=DEADLINE_S)

    assert "exe-parts-mark" == json.loads(found)["process_exec"]["process"]["arguments"]
    assert "binary_regex" in refused


def test_metrics_and_collector(executable: Path, tmp_path: Path) -> None:
    """Prometheus gets a page, an OpenTelemetry collector gets the events."""
    Collector.bodies, Collector.is_there = [], threading.Event()
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=collector.serve_forever, args=(0.05,))
    thread.start()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as probe:
        metrics = f"127.0.0.1:{probe.server_address[1]}"
    try:
        options = (
            f"--metrics-server={metrics}",
            f"--export-otlp-endpoint=http://127.0.0.1:{collector.server_address[1]}",
        )
        with running_agent(executable, tmp_path, *options):
            # The agent listens a moment before it sees processes.
            marks = subprocess.Popen(
                ["/bin/sh", "-c", "while /bin/true exe-parts-mark; do :; done"]
            )
            arrived = Collector.is_there.wait(DEADLINE_S)
            marks.kill()
            marks.wait()
            with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=DEADLINE_S) as page:
                text = page.read().decode()
    finally:
        collector.shutdown()
        thread.join()
        collector.server_close()

    assert arrived
    assert "tetragon_build_info{" in text
    assert 'tetragon_events_total{binary="/bin/true"' in text
