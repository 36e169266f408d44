# SPDX-License-Identifier: Apache-2.0
"""Events as OpenTelemetry log records, sent over HTTP by the official exporter.

Headers, certificates, compression and timeouts are those of OpenTelemetry's own environment
variables (OTEL_EXPORTER_OTLP_*). Queue and retries are the feed's.
"""

from __future__ import annotations

import logging
import os
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tetragon import events_pb2 as pb
from tetragon_core import __version__
from tetragon_core.errors import UsageError

from .sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord

    from .sink import ExportedEvent

__all__ = ["OtlpSink", "logs_url"]

_log = logging.getLogger(__name__)

_PATH: Final = "/v1/logs"
_TIMEOUT_S: Final = 10
_MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""What gRPC and most HTTP receivers take at most."""
_REFUSED: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Say that these records will never be taken, so trying again would hold up all others."""
_SUCCESSES: Final = range(200, 300)
_REDIRECTIONS: Final = range(300, 400)
_LIBRARY: Final = "opentelemetry.exporter.otlp"


class OtlpSink:
    """One collector."""

    name = "otlp"
    max_line_bytes = _MAX_LINE_BYTES

    def __init__(self, endpoint: str, *, node_name: str, cluster_name: str) -> None:
        """`endpoint`: a URL; without a path, that of OTLP's logs is added.

        UsageError when it is no URL or the OpenTelemetry packages are not installed.
        """
        self._endpoint = logs_url(endpoint)
        self._status: int | None = None
        self._tls_error = ""
        """Why the last attempt found no peer to trust."""
        self._rejected = 0
        """Records of an accepted request that the collector does not take."""
        self.refused = 0
        """Records the collector will never take."""
        self._is_refusal_told = False
        try:
            self._open(node_name, cluster_name)
        except ImportError as error:
            raise UsageError(
                "--export-otlp-endpoint needs OpenTelemetry's exporter: install"
                " tetragon-mini-server[otlp], or use the one executable, which has it"
            ) from error

    def _open(self, node_name: str, cluster_name: str) -> None:
        import requests  # noqa: PLC0415  # 150 ms of CPU time, for this sink only
        from opentelemetry.exporter.otlp.proto.http import (  # noqa: PLC0415  # as above
            _log_exporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # as above
        from opentelemetry.sdk.util.instrumentation import (  # noqa: PLC0415  # as above
            InstrumentationScope,
        )

        # What it says of failures comes in several lines each; ours are one.
        logging.getLogger(_LIBRARY).setLevel(logging.CRITICAL)
        note = self._note_tls_error

        class Session(requests.Session):
            """Trusts whom OpenTelemetry's variables name, and keeps what is wrong with a peer."""

            def send(self, request: Any, **settings: Any) -> requests.Response:  # noqa: ANN401  # requests' own types
                if isinstance(self.verify, str):  # else REQUESTS_CA_BUNDLE would be stronger
                    settings["verify"] = self.verify
                try:
                    return super().send(request, **settings)
                except requests.exceptions.SSLError as error:
                    note(error)
                    raise

        session = Session()
        session.hooks["response"].append(self._note_status)
        timeout_s = None if "OTEL_EXPORTER_OTLP_TIMEOUT" in os.environ else _TIMEOUT_S
        self._exporter = _log_exporter.OTLPLogExporter(
            endpoint=self._endpoint, session=session, timeout=timeout_s
        )
        attributes = {"service.name": "tetragon-mini", "service.version": __version__}
        attributes["host.name"] = node_name
        if cluster_name:
            attributes["k8s.cluster.name"] = cluster_name
        self._resource = Resource.create(attributes)
        self._scope = InstrumentationScope("tetragon-mini", __version__)

    def _note_status(self, response: Any, *_: object, **__: object) -> None:  # noqa: ANN401  # requests.Response
        self._status = response.status_code
        self._rejected = _rejected(response.content) if response.ok else 0

    def _note_tls_error(self, error: Exception) -> None:
        found = re.search(r"\[SSL: [^\]]*\] ([^()]*)", str(error))
        self._tls_error = found[1].strip() if found else "TLS failed"

    def write(self, batch: Sequence[ExportedEvent]) -> None:
        """Send; a batch that is refused is sent in halves, down to the record that is to blame."""
        sent, refused = 0, self.refused
        parts = [list(batch)]
        while parts:
            part = parts.pop()
            if self._try_send(part):
                sent += len(part)
            elif self._status not in _REFUSED:
                raise SinkError(self._complaint(), written=sent)
            elif len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                self._count_refused(1)
                sent += 1
        self._is_refusal_told &= self.refused > refused

    def _try_send(self, part: Sequence[ExportedEvent]) -> bool:
        from opentelemetry.sdk._logs.export import (  # noqa: PLC0415  # loaded already
            LogRecordExportResult,
        )

        self._status, self._tls_error = None, ""
        result = self._exporter.export([self._record(event) for event in part])
        # For the exporter a redirection is a success, though nobody has taken the records.
        if result is not LogRecordExportResult.SUCCESS or self._status not in _SUCCESSES:
            return False
        if self._rejected:
            self._count_refused(min(self._rejected, len(part)))
        return True

    def _record(self, event: ExportedEvent) -> ReadableLogRecord:
        from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: PLC0415  # loaded already
        from opentelemetry.sdk._logs import ReadableLogRecord  # noqa: PLC0415  # loaded already

        known = event.kind in pb.EventType.values()
        kind = pb.EventType.Name(event.kind) if known else str(event.kind)
        record = LogRecord(
            timestamp=event.time_ns or None,
            observed_timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=event.line.decode(),
            attributes={"tetragon.event_type": kind},
            event_name=f"tetragon.{kind.lower()}",
        )
        return ReadableLogRecord(record, self._resource, self._scope)

    def _complaint(self) -> str:
        if self._tls_error:
            advice = "OTEL_EXPORTER_OTLP_CERTIFICATE names whom to trust"
            return f"{self._endpoint}: {self._tls_error}; {advice}"
        if self._status is None:
            return f"{self._endpoint} does not answer; is the collector running?"
        phrase = HTTPStatus(self._status).phrase if self._status in list(HTTPStatus) else ""
        advice = "write the address of the collector itself"
        if self._status not in _REDIRECTIONS:
            advice = "see the collector's log"
        return f"{self._endpoint} answers {self._status} {phrase}; {advice}"

    def _count_refused(self, count: int) -> None:
        """Told once, until a batch is taken whole; the counter has the rest."""
        self.refused += count
        if not self._is_refusal_told:
            self._is_refusal_told = True
            attrs = {"endpoint": self._endpoint, "status": self._status}
            _log.warning("the collector refuses events for good", extra={"attrs": attrs})

    def close(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library has no types here


def logs_url(endpoint: str) -> str:
    """Where records are posted to; UsageError for what is no such URL, or has a secret in it."""
    if "@" in endpoint.partition("?")[0]:
        # The endpoint is told to clients, and in log lines.
        raise UsageError(
            "--export-otlp-endpoint has a user in its URL, which everybody may see: put credentials"
            " into the variable OTEL_EXPORTER_OTLP_HEADERS, such as Authorization=Basic%20..."
        )
    try:
        parts = urlsplit(endpoint)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(
            f"--export-otlp-endpoint {endpoint}: write a URL such as http://localhost:4318"
        )
    return endpoint if parts.path.strip("/") else endpoint.rstrip("/") + _PATH


def _rejected(content: bytes) -> int:
    """How many records an answer says were not taken (OTLP's partial success)."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415  # loaded already
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415  # as above
        ExportLogsServiceResponse,
    )

    try:
        answer = ExportLogsServiceResponse.FromString(content)
    except DecodeError:
        return 0  # not the protobuf that was asked for, so it says nothing
    return max(answer.partial_success.rejected_log_records, 0)
