# SPDX-License-Identifier: Apache-2.0
"""Requests that are too large, cut short or unreadable cost the client its call, nobody else."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from server.harness import DEADLINE_S
from tetragon_server import request_guard
from tetragon_server.request_guard import MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.harness import Api

METHODS = ["GetVersion", "GetEvents", "GetHealth"]


def padding(size: int) -> bytes:
    """A request of `size` bytes, all of them one field that nobody knows."""
    tag, length_bytes = b"\x9a\x06", 4
    length = size - len(tag) - length_bytes
    varint = bytes([length >> shift & 0x7F | 0x80 for shift in (0, 7, 14)] + [length >> 21])
    return tag + varint + bytes(length)


def answer(api: Api, method: str, request: bytes, **options_of_call: Any) -> Any:
    """The first message of the answer, or the error."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(api.address, options=options) as channel:
        call: Any = channel.unary_stream(f"/tetragon.FineGuidanceSensors/{method}")
        stream = call(request, timeout=DEADLINE_S, **options_of_call)
        try:
            return bytes(next(stream))
        except grpc.RpcError as error:
            return error


@pytest.mark.parametrize("method", METHODS)
def test_oversize_request_is_refused(api: Api, method: str) -> None:
    """The agent tells the limit instead of keeping what a client cares to send."""
    error = answer(api, method, padding(MAX_REQUEST_BYTES + 1))

    assert isinstance(error, grpc.RpcError)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "the request has 4194305 bytes; the agent takes 4194304"


def test_largest_request_is_taken(api: Api) -> None:
    """The limit itself is allowed."""
    assert isinstance(answer(api, "GetVersion", padding(MAX_REQUEST_BYTES)), bytes)


@pytest.mark.parametrize("method", METHODS)
def test_unreadable_request_is_one_line(
    api: Api, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no message at all is the client's error, so the log gets no stack trace."""
    with caplog.at_level(logging.DEBUG):
        error = answer(api, method, b"\xff\xff\xff\xff")

    assert isinstance(error, grpc.RpcError)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the request is no message of this rpc's type"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_compressed_request_is_refused(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """It is the client's to send it plain."""
    with caplog.at_level(logging.DEBUG):
        error = answer(api, "GetVersion", padding(10_000), compression=grpc.Compression.Gzip)

    assert isinstance(error, grpc.RpcError)
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error.details() == "compressed requests are not supported; send it uncompressed"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_call_without_a_request_ends(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is begun and sends nothing loses its place after a time."""
    monkeypatch.setattr(request_guard, "FIRST_MESSAGE_S", 0.05)
    is_over = threading.Event()

    def nothing() -> Iterator[bytes]:
        is_over.wait(DEADLINE_S)
        yield from ()

    with grpc.insecure_channel(api.address) as channel:
        call: Any = channel.stream_unary("/tetragon.FineGuidanceSensors/GetEvents")
        with pytest.raises(grpc.RpcError) as caught:
            call(nothing(), timeout=DEADLINE_S)
        is_over.set()

    assert grpc.StatusCode.DEADLINE_EXCEEDED is caught.value.code()
    assert "no request came within 0.05 s" == caught.value.details()
