# SPDX-License-Identifier: Apache-2.0
"""Options: container runtimes."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import DURATION, WORDS
from .option import option

__all__ = ["RuntimeOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class RuntimeOptions:
    """Who is asked for names, images and labels of containers."""

    container_runtimes: tuple[str, ...] = option(
        ("auto",),
        "Who is asked about containers: cri, containerd, docker, podman, podman-service, runc,"
        " crun, each also as NAME=/PATH of its socket or state; auto: all of them; empty: nobody.",
        WORDS,
        is_ours=True,
    )
    container_lookup_timeout: float = option(
        3.0, "How long a runtime may take to know a new container.", DURATION, is_ours=True
    )
    enable_cri: bool = option(
        default=True,
        text="Ask Kubernetes' runtimes about containers, over CRI.",
        differs="the default is true: a runtime is asked where its socket exists",
    )
    cri_endpoint: str = option(
        "",
        "Socket of the runtime to ask over CRI, as unix:///PATH; empty: those of containerd, CRI-O"
        " and cri-dockerd that exist.",
    )
