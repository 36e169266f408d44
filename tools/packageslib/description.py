# SPDX-License-Identifier: Apache-2.0
"""What both packages say about themselves, and what they are called. Data and names only."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["NAME", "Description"]

NAME: Final = "tetragon-mini"
_DEBIAN_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_RELEASE: Final = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One version for one architecture."""

    version: str
    """As Python writes it: 1.2.0, 1.2.0rc1, 1.2.0.dev3."""
    epoch_s: int
    """The time that all files get, in seconds since 1970."""
    machine: str = platform.machine()
    summary: str = "reports and stops what processes do, by means of eBPF"
    text: tuple[str, ...] = (
        "An agent that tells of every process that starts or ends, and by policies of",
        "files, sockets and system calls that they use; a policy can also refuse the call",
        "or kill the process. It reads the policies of Cilium Tetragon and tells with the",
        "same API and the same events. It needs Linux 5.10 or newer with BTF, and no",
        "other package: its Python and C library come with it.",
    )
    licence: str = "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
    maintainer: str = "The tetragon-mini maintainers <maintainers@tetragon-mini.invalid>"

    @property
    def ordered_version(self) -> str:
        """The version in the form in which dpkg and rpm sort: ~ comes before the end."""
        return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", self.version)

    @property
    def debian_architecture(self) -> str:
        """What Debian calls the architecture."""
        return _DEBIAN_ARCHITECTURES[self.machine]

    @property
    def deb_name(self) -> str:
        """The file's usual name."""
        return f"{NAME}_{self.ordered_version}_{self.debian_architecture}.deb"

    @property
    def rpm_name(self) -> str:
        """The file's usual name."""
        return f"{NAME}-{self.ordered_version}-{_RELEASE}.{self.machine}.rpm"
