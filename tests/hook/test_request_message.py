# SPDX-License-Identifier: Apache-2.0
"""The bytes of the request, read by protobuf."""

from __future__ import annotations

from tetragon.sensors_pb2 import GetVersionResponse
from tetragon.tetragon_pb2 import CreateContainer, Mount, RuntimeHookRequest
from tetragon_crio_hook import container_facts
from tetragon_crio_hook.request_message import request_bytes, version_of


def test_every_field_arrives() -> None:
    """Each under its own number, long ones too; halves of surrogate pairs become question marks."""
    facts = container_facts.Facts()
    facts.cgroups_path, facts.root_dir = "/c", "/r" * 40_000
    facts.name, facts.id, facts.image = "näme", "id", "image"
    facts.pod_name, facts.pod_uid, facts.pod_namespace = "pod", "uid", "\ud800"
    facts.annotations = {"a": "b" * 300, "": "empty", "e": ""}
    entry = {"destination": "/d", "type": "bind", "source": "/s", "options": ["ro", ""]}
    facts.mounts = [container_facts.Mount(entry), container_facts.Mount({"options": 5})]

    expected = RuntimeHookRequest(
        createContainer=CreateContainer(
            cgroupsPath="/c",
            rootDir="/r" * 40_000,
            annotations=facts.annotations,
            containerName="näme",
            containerID="id",
            containerImage="image",
            podName="pod",
            podUID="uid",
            podNamespace="?",
            mounts=[
                Mount(destination="/d", type="bind", source="/s", options=["ro", ""]),
                Mount(),
            ],
        )
    )
    assert expected == RuntimeHookRequest.FromString(request_bytes(facts))


def test_no_field_of_the_message_is_forgotten() -> None:
    """What CreateContainer has, the hook sends."""
    facts = vars(container_facts.Facts())

    assert len(CreateContainer.DESCRIPTOR.fields) == len(facts) - 1  # and its warning


def test_the_version_is_read() -> None:
    """And an empty reply, or one of something else, is none."""
    assert "v1" == version_of(GetVersionResponse(version="v1").SerializeToString())
    assert ["", "", ""] == [version_of(data) for data in (b"", b"\x0a\x05a", b"\x12\x01a")]
