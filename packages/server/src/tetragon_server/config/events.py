# SPDX-License-Identifier: Apache-2.0
"""Options: what events contain."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import WORDS, choice
from .option import option

__all__ = ["EventOptions"]


@dataclass(frozen=True, kw_only=True)
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
    username_metadata: str = option(
        "disabled", "User names from /etc/passwd.", choice("disabled", "unix")
    )
    cluster_name: str = option("", "Put into every event.")

    @property
    def ancestor_types(self) -> frozenset[str]:
        """Types of events that list the processes above the parent."""
        return frozenset(self.enable_ancestors if "base" in self.enable_ancestors else ())
