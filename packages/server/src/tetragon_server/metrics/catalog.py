# SPDX-License-Identifier: Apache-2.0
"""Every metric there is, and those of Tetragon that are not, each with the reason.

To add a metric, add a row to one of the groups; the page and the documents follow.
"""

from __future__ import annotations

from typing import Final

from .family import Absent
from .of_agent import AGENT
from .of_events import EVENTS
from .of_export import EXPORT
from .of_kernel import KERNEL
from .of_pods import PODS
from .of_policies import POLICIES
from .of_processes import PROCESSES

__all__ = ["ABSENT", "FAMILIES", "GROUPS", "PROCESS_METRICS"]

GROUPS: Final = {
    "Events": EVENTS,
    "The kernel's side": KERNEL,
    "Processes": PROCESSES,
    "Pods": PODS,
    "Policies": POLICIES,
    "Export": EXPORT,
    "The agent": AGENT,
}
FAMILIES: Final = tuple(family for group in GROUPS.values() for family in group)

PROCESS_METRICS: Final = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
"""Of the agent's own process, by prometheus_client."""

_LONG_DATA: Final = "long arguments travel in the event's own record, so nothing is put together"
_NO_WAITING: Final = (
    "events wait for nothing but their pods: tetragon_mini_events_waited_total and"
    " tetragon_mini_events_incomplete_total"
)
_ONE_RING: Final = "there is no second queue behind the ring buffer: its reader handles the record"
_NO_HOOKS: Final = "a container without it is selected by what is known of it, or not"

ABSENT: Final = (
    Absent("tetragon_handling_latency", "handling is not timed: that would cost more than it"),
    Absent("tetragon_errors_total", "none of its errors can happen here"),
    Absent("tetragon_debug_events_total", "user names are looked up for every process or for none"),
    Absent("tetragon_flags_total", "it never moves in Tetragon either"),
    Absent("tetragon_observer_ringbuf_queue_events_received_total", _ONE_RING),
    Absent("tetragon_observer_ringbuf_queue_events_lost_total", _ONE_RING),
    Absent(
        "tetragon_bpf_error_metrics_total",
        "programs have no such errors: what could not be read is in the event, as an error",
    ),
    Absent("tetragon_map_entries", "to count a table's entries is to walk it, at every scrape"),
    Absent("tetragon_map_errors_delete_total", "a process that is not in the table is no error"),
    Absent(
        "tetragon_process_cache_early_deletions_total",
        "an entry leaves only after its grace period, and by one way only",
    ),
    *(
        Absent(f"tetragon_data_{name}", _LONG_DATA)
        for name in (
            "cache_size",
            "cache_capacity",
            "cache_evictions_total",
            "cache_misses_total",
            "events_total",
            "event_size",
        )
    ),
    *(
        Absent(f"tetragon_event_cache_{name}", _NO_WAITING)
        for name in ("entries", "inserts_total", "fetch_retries_total", "errors_total")
    ),
    Absent(
        "tetragon_generic_kprobe_merge_total",
        "entry and return are one message; what has no entry is tetragon_mini_hook_orphaned_total",
    ),
    Absent(
        "tetragon_generic_kprobe_merge_pushed_total",
        "entry and return are one message; without return: tetragon_mini_hook_return_lost_total",
    ),
    Absent(
        "tetragon_enforcer_missed_notifications_total",
        "no notification can be missed: who decides leaves the verdict with the thread",
    ),
    Absent(
        "tetragon_policyfilter_operations_total",
        "only what fails is counted: tetragon_mini_policy_members_refused_total",
    ),
    Absent("tetragon_policyfilter_hook_container_name_missing_total", _NO_HOOKS),
    Absent("tetragon_policyfilter_hook_container_image_missing_total", _NO_HOOKS),
    Absent("tetragon_cri_cgidmap_resolutions_total", "no container runtime is asked"),
    Absent("tetragon_cri_cgidmap_resolutions_errors_total", "no container runtime is asked"),
)
