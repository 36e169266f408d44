# SPDX-License-Identifier: Apache-2.0
"""Clients that know nothing of the API can ask the agent for it, in both versions of reflection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpclib.reflection.v1 import reflection_pb2 as v1
from grpclib.reflection.v1alpha import reflection_pb2 as v1alpha

from server.running_agent import running_agent

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_S = 20
VERSIONS = pytest.mark.parametrize(
    ("version", "messages"), [("v1", v1), ("v1alpha", v1alpha)], ids=["v1", "v1alpha"]
)


def ask(run_dir: Path, version: str, messages: Any, **questions: str) -> list[Any]:
    """The answers to the questions, all on one stream."""
    requests = [
        messages.ServerReflectionRequest(**{name: value}) for name, value in questions.items()
    ]
    with grpc.insecure_channel(f"unix:{run_dir}/tetragon.sock") as channel:
        call: Any = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.ServerReflectionResponse.FromString,
        )
        return list(call(iter(requests), timeout=DEADLINE_S))


@VERSIONS
def test_services_are_listed(tmp_path: Path, version: str, messages: Any) -> None:
    """Both services of the API are named."""
    with running_agent(tmp_path):
        (answer,) = ask(tmp_path, version, messages, list_services="")

    names = [one.name for one in answer.list_services_response.service]
    assert ["tetragon.EventLogService", "tetragon.FineGuidanceSensors"] == sorted(names)


@VERSIONS
def test_files_describe_the_api(tmp_path: Path, version: str, messages: Any) -> None:
    """By a symbol the file comes that has it, and one that it imports comes by its name."""
    with running_agent(tmp_path):
        found, imported, unknown = (
            *ask(
                tmp_path, version, messages, file_containing_symbol="tetragon.FineGuidanceSensors"
            ),
            *ask(tmp_path, version, messages, file_by_filename="tetragon/events.proto"),
            *ask(tmp_path, version, messages, file_containing_symbol="no.such"),
        )

    assert "tetragon/sensors.proto" == file_of(found).name
    assert "GetEventsResponse" in [one.name for one in file_of(imported).message_type]
    assert grpc.StatusCode.NOT_FOUND.value[0] == unknown.error_response.error_code


def file_of(answer: Any) -> descriptor_pb2.FileDescriptorProto:
    """The only file of an answer."""
    (data,) = answer.file_descriptor_response.file_descriptor_proto
    return descriptor_pb2.FileDescriptorProto.FromString(data)
