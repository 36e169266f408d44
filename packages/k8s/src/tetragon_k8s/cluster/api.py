# SPDX-License-Identifier: Apache-2.0
"""Requests to the API server: lists by pages, watches line by line, and single objects.

lightkube reads the configuration, and brings certificate, token and proxy to each request; objects
stay as JSON has them. What may come in one piece is bounded. Nothing is tried twice here.
"""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx2
import msgspec
from lightkube.core.exceptions import ConfigError

from .decoding import GONE, change_of, message_of, object_of, page_of
from .errors import ExpiredError, RefusedError, TooLargeError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from .decoding import Change, Page
    from .lines import LineCutter
    from .resources import Object, Resource

__all__ = ["Api"]

_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 30.0
MAX_ANSWER: Final = 64 << 20
"""Bytes of one page of a list; the server itself takes objects of at most 1.5 MB."""
_BROKEN: Final = (httpx2.HTTPError, httpx2.StreamError, ssl.SSLError, OSError)
_APPLY_PATCH: Final = "application/apply-patch+yaml"


class Api:
    """One per agent. Closing it ends all that goes on."""

    def __init__(self, client: httpx2.AsyncClient, *, max_answer: int = MAX_ANSWER) -> None:
        self._client = client
        self._max_answer = max_answer

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def list_page(
        self, resource: Resource, *, limit: int, more: str = "", version: str = "", fields: str = ""
    ) -> Page:
        """Get one page of what there is.

        `version`: "0" for what the server has at hand, empty for the newest. Raises ApiError,
        ExpiredError when `more` was waited with for too long.
        """
        parameters = {"limit": str(limit)}
        if more:
            parameters["continue"] = more
        elif version:
            parameters["resourceVersion"] = version
        if fields:
            parameters["fieldSelector"] = fields
        what = f"list {resource.plural}"
        body = await self._body("GET", resource.path, parameters, what, hint=resource.rule)
        return page_of(body, what)

    async def watch(
        self,
        resource: Resource,
        *,
        version: str,
        fields: str = "",
        lasts_s: int,
        silence_s: float,
        cutter: LineCutter,
    ) -> AsyncGenerator[Change]:
        """Yield changes since `version`, until the server ends it after `lasts_s` at the latest.

        A connection on which nothing came for `silence_s` ends it as well: it may be dead, and to
        connect again costs little. Raises ApiError; ExpiredError when `version` is too old.
        """
        parameters = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(lasts_s),
        }
        if fields:
            parameters["fieldSelector"] = fields
        timeout = httpx2.Timeout(_CONNECT_S, read=silence_s)
        what = f"watch {resource.plural}"
        async with self._answer("GET", resource.path, parameters, timeout, what) as answer:
            if answer.is_error:
                await self._refuse(answer, what, resource.rule)
            try:
                async for chunk in answer.aiter_bytes():
                    for line in cutter.feed(chunk):
                        if (change := change_of(line, what)) is None:
                            cutter.left_out += 1
                        else:
                            yield change
            except httpx2.ReadTimeout:
                return

    async def get(self, path: str) -> Object:
        """One object. Raises ApiError."""
        what = f"show {path}"
        return object_of(await self._body("GET", path, {}, what), what)

    async def apply(self, path: str, fields: Object, manager: str) -> Object:
        """Let what `manager` has set of an object, or of its status, be exactly this.

        What others have set stays (server-side apply). Raises ApiError.
        """
        parameters = {"fieldManager": manager, "force": "true"}
        headers = {"Content-Type": _APPLY_PATCH}
        what = f"change {path}"
        body = await self._body("PATCH", path, parameters, what, content=fields, headers=headers)
        return object_of(body, what)

    async def _body(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        what: str,
        *,
        hint: str = "",
        content: Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        timeout = httpx2.Timeout(_CONNECT_S, read=_ANSWER_S)
        sent = None if content is None else msgspec.json.encode(content)
        async with self._answer(method, path, parameters, timeout, what, sent, headers) as answer:
            if answer.is_error:
                await self._refuse(answer, what, hint)
            return await self._whole(answer)

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        timeout: httpx2.Timeout,  # noqa: ASYNC109  # it is of each step, and httpx keeps it
        what: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx2.Response]:
        try:
            answer = await self._client.send(
                self._client.build_request(
                    method,
                    path,
                    params=parameters,
                    content=content,
                    headers=headers,
                    timeout=timeout,
                ),
                stream=True,
            )
        except (ConfigError, LookupError, ValueError) as error:  # a token's file, or its program
            raise UnreachableError(f"no credentials to {what}: {error!r}") from error
        except _BROKEN as error:
            raise self._unreachable(what, error) from error
        try:
            yield answer
        except _BROKEN as error:
            raise self._unreachable(what, error) from error
        finally:
            await answer.aclose()

    def _unreachable(self, what: str, error: Exception) -> UnreachableError:
        told = " ".join(str(error).split()) or type(error).__name__
        return UnreachableError(f"cannot {what} at {self._client.base_url}: {told}")

    async def _whole(self, answer: httpx2.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
            if size > self._max_answer:
                raise TooLargeError(
                    f"an answer of the API server has over {self._max_answer} bytes"
                )
            parts.append(chunk)
        return b"".join(parts)

    async def _refuse(self, answer: httpx2.Response, what: str, rule: str) -> None:
        body = await self._whole(answer)
        text = message_of(body)
        if answer.status_code == GONE:
            raise ExpiredError(f"{what}: {text}")
        raise RefusedError(
            what,
            answer.status_code,
            text,
            hint=_hint(answer.status_code, rule),
            retry_after_s=_seconds(answer.headers.get("Retry-After", "")),
        )


def _hint(status: int, rule: str) -> str:
    if status == httpx2.codes.UNAUTHORIZED:
        return "the token or certificate of the service account or kubeconfig is not accepted"
    if status == httpx2.codes.FORBIDDEN and rule:
        return f"the agent's ClusterRole needs the rule {rule}"
    if status == httpx2.codes.NOT_FOUND and rule:
        return "is the CustomResourceDefinition installed?"
    return ""


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
