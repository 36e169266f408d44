# SPDX-License-Identifier: Apache-2.0
"""Options: policies, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetragon_core.enforcement import UNLIMITED

from .kinds import LINES, number
from .option import option

__all__ = ["DEFAULT_POLICY_DIR", "PolicyOptions"]

DEFAULT_POLICY_DIR: Final = "/etc/tetragon/tetragon.tp.d"
"""The only policy directory that may be missing."""
_BPFFS: Final = Path("/sys/fs/bpf")


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class PolicyOptions:
    """Where policies come from, and limits of enforcement."""

    tracing_policy: tuple[str, ...] = option(
        (),
        "Policy file to load at start; may be given several times.",
        LINES,
        differs="may be given several times",
    )
    """One that cannot be loaded keeps the agent from starting."""
    tracing_policy_dir: str = option(
        DEFAULT_POLICY_DIR,
        "Directory of policy files, followed while running; empty: none.",
        differs="followed; files end in .yaml, .yml or .json, and a broken one stops nothing",
    )
    bpf_dir: str = option(
        "tetragon-mini",
        "Directory below /sys/fs/bpf for policies that outlive the agent.",
        differs="the default is not `tetragon`, so that both can run on a host",
    )
    keep_sensors_on_exit: bool = option(
        default=False,
        text="Policies that enforce go on when the agent is stopped, as after a crash.",
        reloads=True,
        differs="policies that only observe end: nobody is there to hear",
    )
    persist_grpc_policies: bool = option(
        default=False, text="Policies that come over gRPC are there again after a restart."
    )
    persist_grpc_policies_dir: str = option(
        "/var/run/tetragon/grpc-policies", "Where they are kept, one file each."
    )
    enable_deprecated_tracingpolicy_grpc: bool = option(
        default=False,
        text="Answer the old rpcs that switch policies.",
    )
    reject_enforcement: bool = option(
        default=False,
        text="Refuse enforcing policies that come over gRPC or from Kubernetes.",
        is_ours=True,
    )
    max_kills_per_minute: int = option(
        UNLIMITED, "Of one policy; then it only monitors.", number(minimum=0), is_ours=True
    )
    never_kill: tuple[str, ...] = option(
        (),
        "Process (pid) or executable (path) that policies never kill, beside pid 1, the agent and"
        " the processes above it; may be given several times.",
        LINES,
        is_ours=True,
    )
    enable_policy_network_actions: bool = option(
        default=False,
        text="Requests of policies: GetUrl and DnsLookup.",
        is_ours=True,
    )
    """Ours, because Tetragon always sends them."""

    @property
    def keep_root(self) -> Path:
        """Where policies are pinned that outlive the agent."""
        return _BPFFS / self.bpf_dir
