# SPDX-License-Identifier: Apache-2.0
"""The agent's settings as one value. Where they come from (flags, files) is not known here.

An option is one field in one of the groups; defaults are Tetragon's, or a comment says why not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

from .access import AccessOptions
from .events import EventOptions
from .exporting import ExportOptions
from .kubernetes import KubernetesOptions
from .listening import ListeningOptions
from .logs import LogOptions
from .metrics import MetricOptions
from .option import Option, options_of
from .origins import OriginOptions
from .policies import DEFAULT_POLICY_DIR, PolicyOptions
from .runtimes import RuntimeOptions
from .sizes import SizeOptions

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_POLICY_DIR", "OPTIONS", "AgentConfig", "Option"]


@dataclass(frozen=True, kw_only=True)
class AgentConfig(
    OriginOptions,
    LogOptions,
    RuntimeOptions,
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

    others: tuple[tuple[str, str], ...] = ()
    """Names and texts of settings that are no option here: they change nothing, and are told."""

    def check(self) -> None:
        """Raise UsageError for a value that cannot be used, whatever the host is like."""
        for check in self.checks():
            check()

    def checks(self) -> tuple[Callable[[], None], ...]:
        """What `check` looks at, one after the other; each raises UsageError for itself."""
        return (
            self._check_user_names,
            self._check_bpf_dir,
            self.check_access,
            self.check_sizes,
            self.check_export,
            self.check_kubernetes,
        )

    def _check_user_names(self) -> None:
        if self.username_metadata not in {"disabled", "unix"}:
            raise UsageError(
                f"username-metadata is {self.username_metadata!r}; write unix or disabled"
            )

    def _check_bpf_dir(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.bpf_dir):  # a BPF file system takes no dot
            raise UsageError(f"bpf-dir is {self.bpf_dir!r}; write letters, digits, - and _ only")


OPTIONS: Final[tuple[Option, ...]] = options_of(AgentConfig)
"""Every option, in the order of help texts."""
