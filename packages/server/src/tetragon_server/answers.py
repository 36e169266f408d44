# SPDX-License-Identifier: Apache-2.0
"""Replies of the unary rpcs as messages. No transport here."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from google.protobuf.any_pb2 import Any
from google.protobuf.struct_pb2 import ListValue, Value
from google.protobuf.wrappers_pb2 import BoolValue, Int64Value, StringValue

from tetragon import sensors_pb2 as sensors_pb
from tetragon import tetragon_pb2 as pb
from tetragon_core import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_core.stats import Stats

__all__ = ["Answers"]

AGENT_NAME: Final = "tetragon-mini"
NO_FEATURES: Final[Mapping[str, bool]] = {}


class Answers:
    """What the agent says about itself."""

    def __init__(
        self,
        settings: Callable[[], Mapping[str, object]],
        stats: Stats,
        probes: Mapping[str, bool],
    ) -> None:
        """`settings` gives those in force by name: bool, int, str or tuples of str."""
        self._settings = settings
        self._stats = stats
        self._probes = probes

    def health(self) -> pb.GetHealthStatusResponse:
        """Always the one status Tetragon has, and every counter of ours."""
        status = pb.HealthStatus(
            event=pb.HEALTH_STATUS_TYPE_STATUS,
            status=pb.HEALTH_STATUS_RUNNING,
            details="running",
        )
        counters = [
            pb.Counter(name=counter.label, value=value, help=counter.help_text)
            for counter, value in self._stats.snapshot().items()
        ]
        return pb.GetHealthStatusResponse(health_status=[status], counters=counters)

    def version(self) -> sensors_pb.GetVersionResponse:
        """The version all parts of the project share."""
        return sensors_pb.GetVersionResponse(version=__version__)

    def info(self, features: Mapping[str, bool] = NO_FEATURES) -> sensors_pb.GetInfoResponse:
        """Version, kernel features and settings; `build` is always there, clients do not check."""
        response = sensors_pb.GetInfoResponse(version=__version__, name=AGENT_NAME)
        response.build.go_version = f"Python {platform.python_version()}"
        for name, is_there in {**self._probes, **features}.items():
            response.probes.add(Name=name, Enabled=BoolValue(value=is_there))
        for key, value in self._settings().items():
            response.conf.add(key=key, value=_pack(value))
        return response


def _pack(value: object) -> Any:
    """One of the four types that clients decode."""
    packed = Any()
    if isinstance(value, bool):
        packed.Pack(BoolValue(value=value))
    elif isinstance(value, int):
        packed.Pack(Int64Value(value=value))
    elif isinstance(value, tuple):
        packed.Pack(ListValue(values=[Value(string_value=str(one)) for one in value]))
    else:
        packed.Pack(StringValue(value=str(value)))
    return packed
