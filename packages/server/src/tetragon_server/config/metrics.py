# SPDX-License-Identifier: Apache-2.0
"""Options: what is measured and told."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option

__all__ = ["MetricOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class MetricOptions:
    """What the page of --metrics-server has."""

    enable_event_metrics: bool = option(default=True, text="Metrics that count events.")
    metrics_label_filter: str = option(
        "namespace,workload,pod,binary",
        "Labels of processes in metrics, separated by commas: namespace, workload, pod, binary,"
        " node_name; others stay empty.",
    )
    """Unknown words are ignored, as Tetragon does."""
    enable_program_stats: bool = option(
        default=False,
        text="Have the kernel count the runs of BPF programs and their time.",
        is_ours=True,
    )
    """Costs every run of every program of the host, whoever loaded it."""

    @property
    def metric_labels(self) -> frozenset[str]:
        """The labels that are filled."""
        return frozenset(word.strip() for word in self.metrics_label_filter.split(","))
