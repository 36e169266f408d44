# SPDX-License-Identifier: Apache-2.0
"""How the agent reaches its API server: the service account of its pod, or a kubeconfig file.

Tokens of a service account are read again when the server does not take them any more.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

import msgspec
import yaml
from lightkube.config.client_adapter import AsyncClient, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError

from tetragon_core import __version__
from tetragon_core.errors import UsageError

from .api import Api

__all__ = ["SERVICE_ACCOUNT", "open_api"]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HOST: Final = "KUBERNETES_SERVICE_HOST"


def open_api(kubeconfig: str, service_account: Path = SERVICE_ACCOUNT) -> Api:
    """Read the configuration; connections are made when they are needed.

    `kubeconfig` empty: the agent runs in a pod. Raises UsageError.
    """
    source = kubeconfig or str(service_account)
    try:
        config = _read(kubeconfig, service_account).get()
        assert config is not None
        client = AsyncClient(config, ConnectionParams())
    except (  # whatever a file can have in it
        ConfigError,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        OSError,
        yaml.YAMLError,
        msgspec.MsgspecError,
    ) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"cannot read how to reach Kubernetes from {source}: {told}") from error
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it has a line for each request
    client.headers["User-Agent"] = f"tetragon-mini/{__version__}"
    return Api(client)


def _read(kubeconfig: str, service_account: Path) -> KubeConfig:
    if kubeconfig:
        return KubeConfig.from_file(kubeconfig)
    if _HOST not in os.environ:
        raise UsageError(
            f"--enable-k8s-api: this is no pod of Kubernetes ({_HOST} is not set); name a file with"
            " --k8s-kubeconfig-path"
        )
    return KubeConfig.from_service_account(service_account)
