# SPDX-License-Identifier: Apache-2.0
"""What a collector gets of the export, and what happens when it answers badly or not at all."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from tetragon import events_pb2
from tetragon_core.errors import UsageError
from tetragon_server.export.otlp_sink import OtlpSink
from tetragon_server.export.sink import ExportedEvent, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Collector(http.server.ThreadingHTTPServer):
    """Keeps what was accepted; `answer` decides about each request."""

    def __init__(self, answer: Callable[[ExportLogsServiceRequest], int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.content = b""
        """Of each answer."""
        self.paths: list[str] = []
        self.accepted: list[Any] = []
        """Log records, in order."""
        self.resources: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bodies(self) -> list[str]:
        """Of the records, in order."""
        return [record.body.string_value for record in self.accepted]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        request = ExportLogsServiceRequest.FromString(self.rfile.read(size))
        status = self.server.answer(request)
        self.server.paths.append(self.path)
        if status == 200:
            for group in request.resource_logs:
                attributes = {one.key: one.value.string_value for one in group.resource.attributes}
                self.server.resources.append(attributes)
                for scope in group.scope_logs:
                    self.server.accepted += scope.log_records
        self.send_response(status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def collector(
    answer: Callable[[ExportLogsServiceRequest], int] = lambda _: 200,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Collector]:
    server = Collector(answer)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def sink_to(endpoint: str) -> Iterator[OtlpSink]:
    sink = OtlpSink(endpoint, node_name="n1", cluster_name="c1")
    try:
        yield sink
    finally:
        sink.close()


def event(text: str) -> ExportedEvent:
    return ExportedEvent(events_pb2.PROCESS_EXEC, 1_700_000_000_000_000_005, text.encode())


def records_of(request: ExportLogsServiceRequest) -> list[str]:
    return [
        record.body.string_value
        for group in request.resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
    ]


def test_records() -> None:
    """Each event is a record with its JSON, time and type, from this node and cluster."""
    with collector() as server, sink_to(server.url) as sink:
        sink.write([event('{"a":1}'), event('{"é":2}')])

    (first, _) = server.accepted
    assert ['{"a":1}', '{"é":2}'] == server.bodies()
    assert 1_700_000_000_000_000_005 == first.time_unix_nano
    assert "tetragon.process_exec" == first.event_name
    assert {"tetragon.event_type": "PROCESS_EXEC"} == {
        one.key: one.value.string_value for one in first.attributes
    }
    assert {"n1"} == {one["host.name"] for one in server.resources}
    assert {"tetragon-mini"} == {one["service.name"] for one in server.resources}
    assert {"c1"} == {one["k8s.cluster.name"] for one in server.resources}


@pytest.mark.parametrize(
    ("path", "asked"), [("", "/v1/logs"), ("/", "/v1/logs"), ("/otlp/v1/logs", "/otlp/v1/logs")]
)
def test_path(path: str, asked: str) -> None:
    """Without a path of its own an endpoint has that of OTLP."""
    with collector() as server, sink_to(server.url + path) as sink:
        sink.write([event("{}")])

    assert [asked] == server.paths


def test_a_refused_record_costs_no_other() -> None:
    """A collector that will never take one record of a batch gets all the others, once."""

    def refuse_three(request: ExportLogsServiceRequest) -> int:
        return 400 if "3" in records_of(request) else 200

    with collector(refuse_three) as server, sink_to(server.url) as sink:
        sink.write([event(str(number)) for number in range(8)])

    assert [str(number) for number in range(8) if number != 3] == server.bodies()
    assert 1 == sink.refused


def test_records_rejected_in_an_answer_are_counted() -> None:
    """OTLP's partial success: the request was accepted, two of its records were not."""
    rejected = ExportLogsPartialSuccess(rejected_log_records=2, error_message="no")
    with collector() as server, sink_to(server.url) as sink:
        server.content = ExportLogsServiceResponse(partial_success=rejected).SerializeToString()
        sink.write([event(str(number)) for number in range(3)])

    assert 2 == sink.refused


def test_refusals_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A collector that refuses everything costs one line of the log, not one for each event."""
    with collector(lambda _: 400) as server, sink_to(server.url) as sink:
        for _ in range(3):
            sink.write([event("1"), event("2")])

    told = [one.getMessage() for one in caplog.records]
    assert (["the collector refuses events for good"], 6) == (told, sink.refused)


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirection_is_no_success(status: int) -> None:
    """Nobody has taken the records, so they wait, and the error says what to do."""
    with collector(lambda _: status) as server, sink_to(server.url) as sink:
        with pytest.raises(SinkError, match=r"answers 30\d .*; write the address of the collector"):
            sink.write([event("{}")])
        server.answer = lambda _: 200
        sink.write([event("{}")])

    assert ["{}"] == server.bodies()


def test_a_collector_in_trouble_is_asked_again() -> None:
    """With 401 nothing is given up: the error says where to look, and the feed keeps the batch."""
    with collector(lambda _: 401) as server, sink_to(server.url) as sink:
        with pytest.raises(SinkError) as caught:
            sink.write([event("{}")])
        server.answer = lambda _: 200
        sink.write([event("{}")])

    assert f"{server.url}/v1/logs answers 401 Unauthorized; see the collector's log" == str(
        caught.value
    )
    assert 0 == caught.value.written
    assert ["{}"] == server.bodies()


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says that the collector may not be running."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with sink_to("http://127.0.0.1:1") as sink, pytest.raises(SinkError) as caught:
        sink.write([event("{}")])

    assert "http://127.0.0.1:1/v1/logs does not answer; is the collector running?" == str(
        caught.value
    )


@pytest.mark.parametrize(
    "endpoint", ["localhost:4318", "grpc://x:4317", "http://", "http://[x", "http://x:y", ""]
)
def test_no_url(endpoint: str) -> None:
    """What is no URL is refused at start, with an example."""
    with pytest.raises(UsageError, match=r"write a URL such as http://localhost:4318"):
        OtlpSink(endpoint, node_name="n", cluster_name="")


def test_no_secret_in_the_endpoint() -> None:
    """It is told in log lines and to clients; so it is refused, without showing it once more."""
    with pytest.raises(UsageError, match=r"OTEL_EXPORTER_OTLP_HEADERS") as caught:
        OtlpSink("https://me:hunter2@collector:4318", node_name="n", cluster_name="")

    assert "hunter2" not in str(caught.value)


def test_a_collector_with_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's variable says whom to trust, whatever others say; the error names it."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    ours, other = tmp_path / "ours.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(str(ours))
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "5")

    with collector(tls=tls) as server:
        url = server.url.replace("http:", "https:")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(ours))
        with sink_to(url) as sink:
            sink.write([event("{}")])
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(other))
        with sink_to(url) as sink, pytest.raises(SinkError) as caught:
            sink.write([event("{}")])

    assert ["{}"] == server.bodies()
    assert "certificate verify failed" in str(caught.value)
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in str(caught.value)
