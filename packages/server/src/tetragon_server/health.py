# SPDX-License-Identifier: Apache-2.0
"""The standard gRPC health service, on its own address: what a Kubernetes liveness probe asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpclib.health.check import ServiceStatus
from grpclib.health.service import Health

if TYPE_CHECKING:
    from grpclib.const import Handler

__all__ = ["health_service"]


class _Liveness:
    """Has no rpc of its own; grpclib takes the service's name from the path."""

    def __mapping__(self) -> dict[str, Handler | None]:
        return {"/liveness/": None}


def health_service() -> Health:
    """Answers SERVING for service `liveness` as long as the agent's loop turns."""
    status = ServiceStatus()
    status.set(True)  # grpclib's signature
    return Health({_Liveness(): [status]})
