# SPDX-License-Identifier: Apache-2.0
"""How large the part of an event about its pod can become, whatever the pod's author writes."""

from __future__ import annotations

import pytest

from tetragon import tetragon_pb2 as pb
from tetragon_core.workloads.fitting import LEFT_OUT
from tetragon_core.workloads.model import Container, Pod, Workload
from tetragon_core.workloads.pods import PodTable
from tetragon_server.pod_message import shared_part


def shown(pod: Pod, container: Container | None = None) -> pb.Pod:
    """What events have of it."""
    return pb.Pod.FromString(shared_part(Workload(container, pod)))


def test_labels_as_they_are() -> None:
    """Those of usual pods are all there."""
    labels = {f"app.kubernetes.io/name{number}": 63 * "v" for number in range(30)}

    assert labels == shown(Pod(namespace="n", name="p", uid="u", labels=labels)).pod_labels


@pytest.mark.parametrize("letter", ["v", "ä", "\U0001f600"])
def test_a_megabyte_of_labels(letter: str) -> None:
    """The first that fit are shown, and how many are left out."""
    labels = {f"{number:04}": 60 * letter for number in range(5000)} | {"z": "short"}

    message = shown(Pod(namespace="n", name="p", uid="u", labels=labels, annotations=labels))

    found = dict(message.pod_labels)
    left_out = int(found.pop(LEFT_OUT))
    assert message.ByteSize() < 32768
    assert found.items() < labels.items()
    assert {"0000", "0001", "0010"} < found.keys()
    assert len(labels) == len(found) + left_out


def test_a_pod_that_is_gone() -> None:
    """A thousand of them are kept: not with all that each had."""
    table = PodTable(1, lambda _: None)
    labels = {f"{number:04}": 60 * "v" for number in range(5000)}
    table.learn(Pod(namespace="n", name="p", uid="u", labels=labels, annotations=labels))

    table.forget("u")

    found = table.get("u")
    assert found is not None
    assert found.labels[LEFT_OUT] == shown(found).pod_labels[LEFT_OUT] > "4900"
    assert found.annotations[LEFT_OUT] > "4700"


def test_what_owners_and_images_are_called() -> None:
    """Nobody limits an owner's name; the event does."""
    long = 1_000_000 * "x"
    pod = Pod(namespace="n", name="p", uid="u", workload=long, workload_kind=long)

    message = shown(pod, Container(id=64 * "a", name=long, image=long, image_id=long))

    assert message.ByteSize() < 8192
