# SPDX-License-Identifier: Apache-2.0
"""Entries of a bug report that come from the agent: its answers, its files, its settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.errors import ConnectionFailedError, TetragonError

from .archive import read_tail
from .scrape import scraped
from .secrets import settings_text, without_private, without_secrets

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from ..settings import ClientSettings
    from .archive import Archive

__all__ = ["AgentEntries"]

_SETTINGS: Final = Path("/etc/tetragon")
_EXTRA: Final = "tetragon-bugtool-extra-files.json"


@dataclass(frozen=True, slots=True)
class AgentEntries:
    """Of an agent that answers, and of one that is dead as far as it left something."""

    info_file: Path
    info: dict[str, Any]
    """What the info file says; empty when there is none."""
    settings: ClientSettings
    settings_dir: Path = _SETTINGS
    _silent: list[str] = field(default_factory=list)
    """Why the agent did not answer, when it did not: it is not waited for again."""

    def add_to(self, archive: Archive) -> None:
        """Everything that can be had."""
        archive.add("tetragon-info.json", lambda: json.dumps(self.info) if self.info else None)
        archive.add("agent.json", self._agent)
        archive.add("health.json", self._health)
        archive.add("tracing-policies.json", self._policies)
        archive.add("processcache.json", lambda: self._process_cache(archive))
        archive.add("metrics", self._metrics)
        archive.add("tetragon.log", lambda: self._export(archive))
        archive.add("agent.log", self._log)
        self._add_settings(archive)
        self._add_extra_files(archive)

    def _ask(self, rpc: str, request: Message, reply_type: type[Any]) -> Any:  # noqa: ANN401  # of reply_type
        from ..client import AgentClient  # noqa: PLC0415  # imports gRPC

        if self._silent:
            raise ConnectionFailedError(f"not asked: {self._silent[0]}")
        try:
            with AgentClient(self.settings) as client:
                return client.call(rpc, request, reply_type)
        except ConnectionFailedError as error:
            self._silent.append(str(error))
            raise

    def _seen(self) -> dict[str, Any]:
        from tetragon.sensors_pb2 import GetInfoRequest, GetInfoResponse  # noqa: PLC0415  # late

        from ..commands.info import info_object  # noqa: PLC0415  # not for --help

        return info_object(self._ask("GetInfo", GetInfoRequest(), GetInfoResponse))

    def _agent(self) -> str:
        seen = self._seen()
        return json.dumps(seen | {"Conf": without_secrets(seen["Conf"])})

    def _log(self) -> bytes | None:
        path = self._seen()["Conf"].get("log-file")
        return read_tail(Path(path)) if path else None

    def _health(self) -> str:
        from tetragon import tetragon_pb2 as pb  # noqa: PLC0415  # late

        reply = self._ask("GetHealth", pb.GetHealthStatusRequest(), pb.GetHealthStatusResponse)
        return _json(reply, all_fields=True)

    def _policies(self) -> str:
        from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # late

        kinds = (pb.ListTracingPoliciesRequest(), pb.ListTracingPoliciesResponse)
        return _json(self._ask("ListTracingPolicies", *kinds), all_fields=True)

    def _process_cache(self, archive: Archive) -> bytes:
        from ..commands.dump import process_cache  # noqa: PLC0415  # not for --help

        reply = process_cache(self._ask, self.settings.max_recv_size)
        if reply.left_out:
            archive.note("processcache.json", f"{reply.left_out} entries did not fit")
        lines = "".join(_json(one) for one in reply.processes)
        return without_private(lines.encode())[0]

    def _metrics(self) -> bytes | None:
        host, _, port = str(self.info.get("metrics_address") or "").rpartition(":")
        if not port.isdecimal():
            return None
        return scraped(host.strip("[]"), int(port))

    def _export(self, archive: Archive) -> bytes | None:
        path = self.info.get("export_fname")
        if not path:
            return None
        kept, left_out = without_private(read_tail(Path(path)))
        if left_out:
            archive.note("tetragon.log", f"{left_out} lines are no JSON, and left out")
        return kept

    def _add_settings(self, archive: Archive) -> None:
        """The files an agent reads; their secrets are hidden."""
        directory = self.settings_dir
        files = [directory / "tetragon.yaml", *sorted(directory.glob("tetragon.conf.d/*"))]
        for path in files:
            if path.is_file():
                name = f"settings/{path.relative_to(directory)}"
                archive.add(name, partial(_settings_of, path))

    def _add_extra_files(self, archive: Archive) -> None:
        """Files that a list beside the info file asks for, name → path."""
        listed = self.info_file.with_name(_EXTRA)
        if not listed.is_file():
            return
        try:
            files = json.loads(listed.read_bytes())
            pairs = [(str(name), Path(path)) for name, path in files.items() if path]
        except (OSError, ValueError, AttributeError, TypeError) as error:
            archive.note(_EXTRA, str(error))
            return
        for name, path in pairs:
            archive.add(name, partial(read_tail, path))


def _settings_of(path: Path) -> str:
    return settings_text(path.name, read_tail(path).decode(errors="replace"))


def _json(message: Message, *, all_fields: bool = False) -> str:
    from tetragon_server.jsontext import JsonFormat  # noqa: PLC0415  # late

    try:
        return JsonFormat(all_fields=all_fields).render(message)
    except ValueError as error:
        raise TetragonError(f"cannot be shown: {error}") from error
