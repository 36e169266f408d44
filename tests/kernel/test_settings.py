# SPDX-License-Identifier: Apache-2.0
"""Settings from files reach the kernel side of a real agent."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from kernel.agents import running_agent

_MAP = re.compile(r"^map_type:\s+(\d+)$.*?^max_entries:\s+(\d+)$", re.MULTILINE | re.DOTALL)
_RING_BUFFER = "27"
_HASH = "1"


def maps_of(pid: int) -> set[tuple[str, ...]]:
    """Type and number of entries of each map a process has open."""
    infos = []
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            infos.append(path.read_text())
    return {found.groups() for info in infos if (found := _MAP.search(info))}


def test_sizes_from_files(tmp_path: Path) -> None:
    """The ring has the next power of two, the table of processes as many entries as wanted."""
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "rb-size-total").write_text("96K\n", encoding="utf-8")
    (settings / "execve-map-entries").write_text("1009\n", encoding="utf-8")

    with running_agent(tmp_path, "--config-dir", str(settings)) as agent:
        found = maps_of(agent.pid)

    assert {(_RING_BUFFER, str(128 << 10)), (_HASH, "1009")} <= found
    assert {entries for kind, entries in found if kind == _RING_BUFFER} == {str(128 << 10)}
