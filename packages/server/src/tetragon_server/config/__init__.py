# SPDX-License-Identifier: Apache-2.0
"""The agent's settings as one value. Where they come from (flags, files) is not known here.

An option is one field in one of the groups; defaults are Tetragon's, or a comment says why not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tetragon_core.errors import UsageError

from .access import AccessOptions
from .events import EventOptions
from .exporting import ExportOptions
from .kubernetes import KubernetesOptions
from .listening import ListeningOptions
from .logs import LogOptions
from .metrics import MetricOptions
from .option import Option, options_of
from .policies import DEFAULT_POLICY_DIR, PolicyOptions
from .sizes import SizeOptions

__all__ = ["DEFAULT_POLICY_DIR", "OPTIONS", "AgentConfig", "Option"]


@dataclass(frozen=True, kw_only=True)
class AgentConfig(
    LogOptions,
    KubernetesOptions,
    MetricOptions,
    AccessOptions,
    ExportOptions,
    PolicyOptions,
    SizeOptions,
    EventOptions,
    ListeningOptions,
):
    """Everything that can be chosen. The last group's options come first in lists."""

    def check(self) -> None:
        """Raise UsageError for a value that cannot be used, whatever the host is like."""
        if self.username_metadata not in {"disabled", "unix"}:
            raise UsageError(
                f"username-metadata is {self.username_metadata!r}; write unix or disabled"
            )
        if not re.fullmatch(r"[\w-]+", self.bpf_dir):  # a BPF file system takes no dot
            raise UsageError(f"bpf-dir is {self.bpf_dir!r}; write letters, digits, - and _ only")


OPTIONS: Final[tuple[Option, ...]] = options_of(AgentConfig)
"""Every option, in the order of help texts."""
