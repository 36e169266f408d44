# SPDX-License-Identifier: Apache-2.0
"""Which packages of which suite make up a set. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SETS"]

_PODMAN_LIBRARIES: Final = (
    "libassuan0",
    "libcap2",
    "libdevmapper1.02.1",
    "libglib2.0-0",
    "libgpg-error0",
    "libgpgme11",
    "libseccomp2",
    "libsubid4",
    "libsystemd0",
    "libyajl2",
)

SETS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "runtimes": {
        "bookworm": (
            "catatonit",
            "conmon",
            "containerd",  # 1.6, which is docker's too
            "crun",
            "docker.io",
            "podman",
            "runc",
            "tini",
            *_PODMAN_LIBRARIES,
        ),
        "trixie": ("containerd",),  # 1.7
        "sid": ("containerd", "golang-k8s-cri-api-dev"),  # 2.x; the API that all three serve
    },
    "kubectl": {"trixie": ("kubectl/trixie",)},  # 1.32: kustomize of bookworm's is too old
}
"""Set → suite → packages. All of a suite lie in one tree: build/SET/SUITE/usr/bin/...

Runtimes are of bookworm where it has them: those of later suites need a newer C library.
"""
