# SPDX-License-Identifier: Apache-2.0
"""The agent's own counters: one line here declares one, `status` and metrics show all of them.

A counter may be read from elsewhere (the kernel's map, a queue): `Stats.add_source` takes a
function that is called when a snapshot is wanted, so that nothing is counted twice.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Counter", "Stats"]


class Counter(Enum):
    """Name and meaning of each counter; `lost` ones are losses that `status` warns about."""

    RING_LOST_EXEC = ("ring_lost_exec", "exec records the full ring buffer refused", True)
    RING_LOST_FORK = ("ring_lost_fork", "fork records the full ring buffer refused", True)
    RING_LOST_EXIT = ("ring_lost_exit", "exit records the full ring buffer refused", True)
    RING_LOST_THROTTLE = (
        "ring_lost_throttle",
        "beginnings of throttling the full ring buffer refused",
        True,
    )
    RING_LOST_CGROUP = (
        "ring_lost_cgroup",
        "records of cgroups the full ring buffer refused; the cgroups were looked up instead",
        False,
    )
    CGROUPS_REFUSED = (
        "cgroups_refused",
        "times the agent's full table could not take a cgroup: its container may not be shown",
        True,
    )
    CONTAINER_CGROUPS_FULL = (
        "container_cgroups_full",
        "cgroups of containers the kernel's full table could not take: policies miss them",
        True,
    )
    RING_LOST_HOOK = ("ring_lost_hook", "hits of policies the full ring buffer refused", True)
    HOOK_BUSY = ("hook_busy", "hits of policies that found no free buffer", True)
    HOOK_RETURN_LOST = (
        "hook_return_lost",
        "hits of policies whose return was not waited for, because too many calls went on",
        True,
    )
    HOOK_ORPHANED = (
        "hook_orphaned",
        "hits read when their policy was gone already, or without the entry of their call",
        False,
    )
    HOOK_TABLE_FULL = (
        "hook_table_full",
        "processes a policy's full table could not take: its filters on processes miss them",
        True,
    )
    POLICY_MEMBERS_REFUSED = (
        "policy_members_refused",
        "times a container could not be entered for policies that select it: they miss it",
        True,
    )
    HOOK_UNATTENDED = (
        "hook_unattended",
        "hits of policies that outlived their agent, received by nobody",
        True,
    )
    HOOK_MISSED = ("hook_missed", "hits the kernel did not run a policy's program for", True)
    PROCESS_TABLE_FULL = (
        "process_table_full",
        "processes the kernel's full table could not take (their events still go out)",
        False,
    )
    PROGRAM_MISSED = (
        "program_missed",
        "runs the kernel skipped because a program was re-entered",
        True,
    )
    RECORDS_READ = ("records_read", "records read from the ring buffer", False)
    RECORDS_BAD = ("records_bad", "records that were short or of an unknown kind", True)
    EVENTS = ("events", "events made", False)
    EVENTS_WAITED = (
        "events_waited",
        "events that waited for the container or pod of their process to be known",
        False,
    )
    EVENTS_INCOMPLETE = (
        "events_incomplete",
        "events sent without all of their container or pod, because nobody told it in time",
        False,
    )
    POD_CHANGES = ("pod_changes", "changes of pods that the API server told", False)
    POD_LISTS = ("pod_lists", "times all pods of the node were listed", False)
    POD_WATCH_FAILURES = (
        "pod_watch_failures",
        "times the API server did not answer about pods, or refused to",
        False,
    )
    PODS_UNREADABLE = (
        "pods_unreadable",
        "objects of the API server that were too large, or no pods: nothing is known of them",
        True,
    )
    GONE_POD_HITS = ("gone_pod_hits", "times a pod was found although it was gone", False)
    GONE_PODS_FORGOTTEN = (
        "gone_pods_forgotten",
        "pods that were gone for too long to be found any more",
        False,
    )
    LOOKUPS = ("container_lookups", "containers a runtime was asked about", False)
    LOOKUPS_FAILED = (
        "container_lookups_failed",
        "containers the asked runtime did not tell of in time; often another one knows them",
        False,
    )
    LOOKUPS_REFUSED = (
        "container_lookups_refused",
        "containers no runtime was asked about, because too many waited for its answer",
        True,
    )
    EVENTS_SENT = ("events_sent", "events handed to subscribers", False)
    SUBSCRIBER_DROPPED = ("subscriber_dropped", "events dropped from full subscriber queues", True)
    PROCESS_UNKNOWN = ("process_unknown", "events about a process nothing else is known of", False)
    EXITS_DUPLICATE = ("exits_duplicate", "second exit reports of one process, dropped", False)
    CACHE_EVICTED = ("cache_evicted", "live entries the full process cache gave up", False)
    EXECS_THROTTLED = (
        "execs_throttled",
        "process_exec events withheld because their cgroup exceeded cgroup-rate",
        False,
    )
    THROTTLE_STARTS = ("throttle_starts", "times a cgroup came to exceed cgroup-rate", False)
    THROTTLE_STOPS = ("throttle_stops", "times a cgroup was below cgroup-rate again", False)
    CGROUP_RATES_FULL = (
        "cgroup_rates_full",
        "cgroups for whose rate the kernel had no memory (their events still go out)",
        False,
    )
    REQUESTS_DROPPED = (
        "requests_dropped",
        "requests of policies (GetUrl, DnsLookup) dropped because too many waited",
        False,
    )
    REQUESTS_FAILED = ("requests_failed", "requests of policies that failed", False)
    POLICY_FALLBACKS = (
        "policy_fallbacks",
        "times a policy killed too often and only monitored from then on",
        False,
    )
    RUNTIME_HOOKS = ("runtime_hooks", "containers announced by a container runtime", False)
    AUDIT_LOST = ("audit_lost", "changes that could not be written to the audit log's file", False)
    CONNECTIONS_REFUSED = (
        "connections_refused",
        "connections refused because as many as the agent takes had calls going on",
        False,
    )
    EXPORTED = ("exported", "events written to the export file and other sinks", False)
    EXPORT_RATE_LIMITED = (
        "export_rate_limited",
        "events kept out of the export by its rate limit",
        False,
    )
    EXPORT_LOST = (
        "export_lost",
        "events that were not exported: the queue was full, or the agent ended before",
        True,
    )
    EXPORT_TOO_LARGE = ("export_too_large", "events too large for an export file", True)
    EXPORT_ERRORS = ("export_errors", "failed attempts to write exported events", False)
    HANDLER_ERRORS = ("handler_errors", "records whose handling raised an error", True)

    def __init__(self, label: str, help_text: str, lost: bool) -> None:  # noqa: FBT001  Enum calls it
        self.label = label
        self.help_text = help_text
        self.lost = lost

    # Members are singletons; the inherited hash is a Python function that hashes the name each
    # time, which is felt in a dictionary that is touched for every record.
    __hash__ = object.__hash__


class Stats:
    """Counts by Counter; one per agent, passed to whoever counts."""

    def __init__(self) -> None:
        self._values = dict.fromkeys(Counter, 0)
        self._sources: list[Callable[[], Mapping[Counter, int]]] = []

    def add(self, counter: Counter, amount: int = 1) -> None:
        """Count `amount` more."""
        self._values[counter] += amount

    def add_source(self, read: Callable[[], Mapping[Counter, int]]) -> None:
        """Have `read()` contribute absolute values to each snapshot (several sources add up)."""
        self._sources.append(read)

    def snapshot(self) -> dict[Counter, int]:
        """Every counter's value now."""
        values = dict(self._values)
        for read in self._sources:
            for counter, value in read().items():
                values[counter] += value
        return values
