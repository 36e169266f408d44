# SPDX-License-Identifier: Apache-2.0
"""Names of the types of programs and maps, as bpftool writes them (enum bpf_prog_type, _map_type).

An entry's place is its number; what a newer kernel adds is shown as a number.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MAP_KINDS", "PROGRAM_KINDS"]

PROGRAM_KINDS: Final = dict(
    enumerate(
        (
            *("unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp"),
            *("perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit"),
            *("sock_ops", "sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint"),
            *("cgroup_sock_addr", "lwt_seg6local", "lirc_mode2", "sk_reuseport"),
            *("flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable", "cgroup_sockopt"),
            *("tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall", "netfilter"),
        )
    )
)
MAP_KINDS: Final = dict(
    enumerate(
        (
            *("unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash"),
            *("percpu_array", "stack_trace", "cgroup_array", "lru_hash", "lru_percpu_hash"),
            *("lpm_trie", "array_of_maps", "hash_of_maps", "devmap", "sockmap", "cpumap"),
            *("xskmap", "sockhash", "cgroup_storage", "reuseport_sockarray"),
            *("percpu_cgroup_storage", "queue", "stack", "sk_storage", "devmap_hash"),
            *("struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter"),
            *("user_ringbuf", "cgrp_storage", "arena", "insn_array"),
        )
    )
)
