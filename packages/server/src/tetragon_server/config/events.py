# SPDX-License-Identifier: Apache-2.0
"""Options: what events contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .kinds import WORDS, choice
from .option import option
from .rates import RATE, read_rate

if TYPE_CHECKING:
    from tetragon_core.throttling import CgroupRate

__all__ = ["EventOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class EventOptions:
    """Fields of events that cost something or tell something."""

    enable_process_cred: bool = option(
        default=False, text="Credentials and capabilities in events."
    )
    enable_process_ns: bool = option(default=False, text="Namespaces in events.")
    enable_ancestors: tuple[str, ...] = option(
        (),
        "Event types that get ancestors: base (needed by the others), kprobe, tracepoint, lsm,"
        " uprobe, usdt, loader.",
        WORDS,
    )
    expose_stack_addresses: bool = option(default=False, text="Addresses in stack traces.")
    """An exploit of the kernel may look for them."""
    enable_process_environment_variables: bool = option(
        default=False,
        text="The environment of programs in process_exec events; it may hold secrets.",
    )
    filter_environment_variables: tuple[str, ...] = option(
        (), "Names of the only environment variables to show.", WORDS
    )
    redaction_filters: str = option(
        "",
        'JSON objects such as {"binary_regex": ["sql$"], "redact": ["--password[ =](\\S+)"]}:'
        " what the groups match in arguments and environment becomes *****.",
        reloads=True,
    )
    cgroup_rate: str = option(
        "",
        "EVENTS,INTERVAL, such as 1000,1s: withhold execs of a cgroup that forks and execs more"
        " than that on a CPU.",
        RATE,
    )
    username_metadata: str = option(
        "disabled", "User names from /etc/passwd.", choice("disabled", "unix")
    )
    cluster_name: str = option("", "Put into every event.")

    @property
    def environment_names(self) -> frozenset[str] | None:
        """The only variables to show; None: all."""
        return frozenset(self.filter_environment_variables) or None

    @property
    def rate(self) -> CgroupRate | None:
        """What a cgroup may do; None: anything."""
        return read_rate(self.cgroup_rate)

    @property
    def ancestor_types(self) -> frozenset[str]:
        """Types of events that list the processes above the parent."""
        return frozenset(self.enable_ancestors if "base" in self.enable_ancestors else ())
