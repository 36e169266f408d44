# SPDX-License-Identifier: Apache-2.0
"""Figures → the lines of the table, with the targets beside them. It measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

__all__ = ["ROWS", "Row", "lines"]

Figures = Mapping[str, Mapping[str, int]]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    target: str
    value: Callable[[Figures], str]


def _count(part: str, name: str) -> Callable[[Figures], str]:
    return lambda found: f"{found[part][name]:,}"


def _mib(part: str, name: str, unit: int) -> Callable[[Figures], str]:
    return lambda found: f"{found[part][name] * unit / 2**20:.1f} MiB"


def _added(name: str) -> Callable[[Figures], str]:
    def text(found: Figures) -> str:
        alone, with_sensor = found["alone"][name], found["agent"][name]
        return f"{with_sensor - alone:+,} ({alone:,} → {with_sensor:,})"

    return text


def _lost(found: Figures) -> str:
    burst = found["burst"]
    return f"{burst['made'] - burst['seen']:,} of {burst['made']:,} events"


def _case(what: str, name: str, upstream: str, target: str) -> Row:
    """What a policy adds to a call."""

    def text(found: Figures) -> str:
        return f"{found['policies'][name]:+,} (to {found['policies'][f'{name} alone']:,})"

    return Row(f"{what} (Tetragon: {upstream})" if upstream else what, target, text)


def _most(suffix: str) -> Callable[[Figures], str]:
    return lambda found: f"{max(_ending(found['policies'], suffix)):,}"


def _ending(found: Mapping[str, int], suffix: str) -> list[int]:
    return [value for name, value in found.items() if name.endswith(suffix)]


POLICY_ROWS: Final = (
    _case("/etc write policy: read", "etc-read", "+9,707", "+400"),
    _case("/etc write policy: write elsewhere", "etc-write-outside", "+9,709", "+2,000"),
    _case("/etc write policy: write inside, NoPost", "etc-write-not-posted", "", ""),
    _case("/etc write policy: write inside, posted", "etc-write-posted", "", ""),
    _case("file monitoring, 3 hooks: read", "monitoring-read", "+12,395", "+700"),
    _case("tcp_connect NotDAddr: no match", "connect-other", "+5,860", "+900"),
    _case("tcp_connect DAddr: posted", "connect-posted", "", ""),
    _case("raw_syscalls/sys_enter, one id: other calls", "one-call-other", "+4,562", "+200"),
    _case("raw_syscalls/sys_enter, one id: posted", "one-call-posted", "", ""),
    _case("sys_openat Prefix: no match", "openat-other", "", ""),
    _case("sys_openat Prefix: posted", "openat-posted", "", ""),
    Row("adding one of these policies, the most", "800,000,000", _most(" adding")),
    Row("kernel memory of one of them, the most", "65,536", _most(" bytes")),
    Row("agent per policy event, quiet", "50,000", _count("policy-events", "paced_agent")),
    Row("agent per policy event, busy", "50,000", _count("policy-events", "busy_agent")),
)
"""Upstream's figures are for the same calls on the same kernel."""

ROWS: Final = (
    Row("agent, start to listening", "1,000,000,000", _count("start", "cpu")),
    Row("agent, resident memory, idle", "50 MB", _mib("agent", "rss_kib", 1024)),
    Row("agent, resident memory, most at start", "70 MB", _mib("agent", "high_kib", 1024)),
    Row("agent, resident memory, most in the burst", "", _mib("burst", "high_kib", 1024)),
    Row("BPF maps without the ring buffer", "10 MiB", _mib("agent", "map_bytes", 1)),
    Row("ring buffer", "", _mib("agent", "ring_bytes", 1)),
    Row("vfork + exec + exit, added", "+12,000", _added("exec")),
    Row("fork + exit, added", "+4,000", _added("fork")),
    Row("agent per event, nobody listens, quiet", "40,000", _count("agent", "paced_agent")),
    Row("agent per event, nobody listens, busy", "40,000", _count("agent", "busy_agent")),
    Row("agent per event, compact client, quiet", "60,000", _count("compact", "paced_agent")),
    Row("agent per event, compact client, busy", "60,000", _count("compact", "busy_agent")),
    Row("client per event, compact, quiet", "60,000", _count("compact", "paced_client")),
    Row("client per event, compact, busy", "60,000", _count("compact", "busy_client")),
    Row("client per event, json, quiet", "40,000", _count("json", "paced_client")),
    Row("client per event, json, busy", "40,000", _count("json", "busy_client")),
    Row("lost of a burst of 10,000 execs", "0", _lost),
    *POLICY_ROWS,
)


def lines(rows: list[tuple[str, str, str]]) -> list[str]:
    """Rows as a Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    texts = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [texts[0], rule, *texts[1:]]
