# SPDX-License-Identifier: Apache-2.0
"""A small API server: one kind of objects, with lists by pages, watches, versions and expiry.

What is believed of the real one is proved by watch_properties.py, which runs against both.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FakeApi"]

_STATUS: Final = {200: "OK", 401: "Unauthorized", 403: "Forbidden", 410: "Gone", 429: "Busy"}


class FakeApi:
    """Pods, whatever the path; used from one event loop."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: asyncio.Server | None = None
        self._port = 0
        self._version = 100
        self._oldest = 0
        self._objects: dict[tuple[str, str], dict[str, Any]] = {}
        self._log: list[tuple[int, str, dict[str, Any]]] = []
        self._moved = asyncio.Condition()
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self.tokens = {"good"}
        self.requests: list[dict[str, str]] = []
        """Parameters of each."""
        self.is_silent = False
        """Watches stay open, and nothing comes."""
        self.hangs = False
        """Nothing is answered."""
        self.lines: list[bytes] = []
        """Sent by the next watch before all else."""
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        """Given instead of the next ones: status, headers, body."""

    async def start(self) -> None:
        """Listen where it did before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Break all connections."""
        assert self._server is not None
        self._server.close()
        tasks = list(self._open.values())
        for writer, task in list(self._open.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*tasks)
        await self._server.wait_closed()

    def kubeconfig(self, user: str = "good") -> str:
        """A file to reach it with; its user's name is the token."""
        config = {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._port}"}}],
            "users": [{"name": "u", "user": {"token": user}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = self._directory / f"{user}.kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)

    async def put(self, one: Mapping[str, Any]) -> None:
        """Create an object, or change it."""
        made = deepcopy(dict(one))
        key = (made["metadata"]["namespace"], made["metadata"]["name"])
        known = self._objects.get(key)
        made["metadata"]["uid"] = known["metadata"]["uid"] if known else str(uuid4())
        self._objects[key] = made
        await self._tell("MODIFIED" if known else "ADDED", made)

    async def remove(self, name: str, namespace: str = "default") -> None:
        """Delete one."""
        await self._tell("DELETED", self._objects.pop((namespace, name)))

    async def expire(self) -> None:
        """Forget all versions but the newest."""
        self._version += 1
        self._oldest = self._version
        self._log.clear()

    async def _tell(self, kind: str, one: dict[str, Any]) -> None:
        self._version += 1
        one["metadata"]["resourceVersion"] = str(self._version)
        self._log.append((self._version, kind, deepcopy(one)))
        async with self._moved:
            self._moved.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split(" ", 2)[1]
                parameters = dict(parse_qsl(urlsplit(target).query))
                self.requests.append(parameters)
                token = head.lower().partition("authorization: bearer ")[2].split("\r", 1)[0]
                await self._answer(writer, parameters, token)
        del self._open[writer]
        writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, parameters: dict[str, str], token: str
    ) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.answers:
            _send(writer, *self.answers.pop(0))
        elif token not in self.tokens:
            status = 403 if token == "stranger" else 401
            _send(writer, status, {}, _status(status, f"{token} may not"))
        elif "watch" in parameters:
            await self._watch(writer, parameters)
        else:
            _send(writer, 200, {}, json.dumps(self._page(parameters)).encode())
        await writer.drain()

    def _page(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The list goes on after the key that the token names."""
        found = sorted(key for key, one in self._objects.items() if _fits(one, parameters))
        start = int(parameters.get("continue", "0"))
        end = start + int(parameters["limit"])
        metadata = {"resourceVersion": str(self._version)}
        if end < len(found):
            metadata["continue"] = str(end)
        return {"metadata": metadata, "items": [self._objects[key] for key in found[start:end]]}

    async def _watch(self, writer: asyncio.StreamWriter, parameters: dict[str, str]) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for line in self.lines:
            _chunk(writer, line)
        self.lines.clear()
        version = int(parameters["resourceVersion"])
        if version < self._oldest:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            _line(writer, "ERROR", status)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(float(parameters["timeoutSeconds"])):
                    await self._follow(writer, version, parameters)
        writer.write(b"0\r\n\r\n")

    async def _follow(
        self, writer: asyncio.StreamWriter, version: int, parameters: dict[str, str]
    ) -> None:
        while True:
            for at, kind, one in list(self._log):
                if at > version and not self.is_silent and _fits(one, parameters):
                    _line(writer, kind, one)
            if not self.is_silent:
                version = self._version
                bookmark = {"metadata": {"resourceVersion": str(version)}}
                _line(writer, "BOOKMARK", bookmark)
            await writer.drain()
            async with self._moved:
                await self._moved.wait()


def _fits(one: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    wanted = parameters.get("fieldSelector", "").partition("spec.nodeName=")[2]
    return not wanted or one["spec"]["nodeName"] == wanted


def _line(writer: asyncio.StreamWriter, kind: str, one: Mapping[str, Any]) -> None:
    _chunk(writer, json.dumps({"type": kind, "object": one}).encode() + b"\n")


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


def _status(code: int, text: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": text}).encode()


def _send(
    writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    lines = [f"HTTP/1.1 {status} {_STATUS.get(status, '?')}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
