# SPDX-License-Identifier: Apache-2.0
"""The agent's settings as one value. Where they come from (flags, files) is not known here.

Field names are the option names with `_` for `-`; defaults are Tetragon's, or a comment says
why not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetragon_core.enforcement import UNLIMITED
from tetragon_core.errors import UsageError

__all__ = ["DEFAULT_POLICY_DIR", "AgentConfig"]

DEFAULT_POLICY_DIR: Final = "/etc/tetragon/tetragon.tp.d"
"""The only policy directory that may be missing."""
_BPFFS: Final = Path("/sys/fs/bpf")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Everything that can be chosen at start; nothing changes while the agent runs."""

    server_address: str = "localhost:54321"
    """`host:port` or `unix:///path`; empty: no gRPC at all."""
    unix_socket: str | None = None
    """Opened beside a TCP address; None: `tetragon.sock` in run_dir; empty: none."""
    health_server_address: str = ":6789"
    """gRPC health service; empty: off."""
    metrics_server: str = ""
    """HTTP /metrics; empty: off."""
    run_dir: str = "/var/run/tetragon"
    procfs: str = "/proc"
    event_queue_size: int = 10_000
    """Events that wait for one subscriber."""
    event_queue_bytes: int = 64 * 1024 * 1024
    """Bytes that wait for one subscriber; ours, because one event may hold 128 KiB of arguments."""
    rb_size_total: int = 8 * 1024 * 1024
    """Bytes of the ring buffer: one for the host here, so larger than Tetragon's 64 KiB per CPU."""
    execve_map_entries: int = 32_768
    process_cache_size: int = 65_536
    enable_process_cred: bool = False
    enable_process_ns: bool = False
    enable_ancestors: tuple[str, ...] = ()
    """Event types whose `ancestors` are filled, none without `base`: base, kprobe, tracepoint, lsm,
    uprobe, usdt, loader."""
    tracing_policy: tuple[str, ...] = ()
    """Files loaded at start; one that cannot be keeps the agent from starting."""
    tracing_policy_dir: str = DEFAULT_POLICY_DIR
    """Its files are followed while the agent runs; empty: none."""
    bpf_dir: str = "tetragon-mini"
    """Directory below /sys/fs/bpf for policies that outlive the agent; not Tetragon's `tetragon`,
    so that both can run."""
    keep_sensors_on_exit: bool = False
    """Policies that enforce go on when the agent is stopped; after a crash they always do."""
    enable_deprecated_tracingpolicy_grpc: bool = False
    """Answer the rpcs that ConfigureTracingPolicy replaced."""
    reject_enforcement: bool = False
    """Refuse policies that enforce when they come over gRPC, and to let one enforce; files may."""
    max_kills_per_minute: int = UNLIMITED
    """Kills of one policy within a minute after which it only monitors; 0: any number."""
    never_kill: tuple[str, ...] = ()
    """Process ids, and paths of executables, whose processes policies send no signal; pid 1, the
    agent and the processes above it never get one."""
    enable_policy_network_actions: bool = False
    """Send what GetUrl and DnsLookup of policies ask for; ours, because Tetragon always does."""
    expose_stack_addresses: bool = False
    """Stack traces tell addresses, which a kernel exploit may look for."""
    username_metadata: str = "disabled"
    """`unix`: user names from /etc/passwd."""
    cluster_name: str = ""
    log_level: str = "info"
    log_format: str = "text"
    """text, json, text-ts or json-ts."""

    def check(self) -> None:
        """Raise UsageError for a value that cannot be used, whatever the host is like."""
        if self.username_metadata not in {"disabled", "unix"}:
            raise UsageError(
                f"username-metadata is {self.username_metadata!r}; write unix or disabled"
            )
        if not re.fullmatch(r"[\w-]+", self.bpf_dir):  # a BPF file system takes no dot
            raise UsageError(f"bpf-dir is {self.bpf_dir!r}; write letters, digits, - and _ only")

    @property
    def socket_path(self) -> str:
        """The unix socket beside a TCP address; empty when there is none."""
        if self.unix_socket is not None:
            return self.unix_socket
        return str(Path(self.run_dir) / "tetragon.sock")

    @property
    def keep_root(self) -> Path:
        """Where policies are pinned that outlive the agent."""
        return _BPFFS / self.bpf_dir

    @property
    def ancestor_types(self) -> frozenset[str]:
        """Types of events that list the processes above the parent."""
        return frozenset(self.enable_ancestors if "base" in self.enable_ancestors else ())
