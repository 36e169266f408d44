# SPDX-License-Identifier: Apache-2.0
"""Which programs and maps of the kernel are the agent's: those it has open, and pinned ones.

Ours are not all pinned, as those of Tetragon's agent are: what must not outlive the agent belongs
to its process alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tetragon_core.errors import TetragonError

from .address import INFO_FILE

if TYPE_CHECKING:
    from tetragon_sensors.kernel.inventory import Owned

__all__ = ["PIN_ROOT", "agent_objects", "agent_pid", "owned_map", "run_dir_option"]

PIN_ROOT: Final = "/sys/fs/bpf/tetragon-mini"
"""Where the agent pins by default."""
_TETRAGONS_ROOT: Final = Path("/sys/fs/bpf/tetragon")

_RUN_DIR: Final = str(INFO_FILE.parent)

run_dir_option = click.option(
    "--run-dir",
    default=_RUN_DIR,
    callback=lambda _ctx, _param, value: Path(value) / INFO_FILE.name,
    help=f"The agent's --run-dir [{_RUN_DIR}].",
)
"""Decorator of commands that need no connection to the agent; they get the path of its info file.
"""


def agent_pid(info_file: Path) -> int | None:
    """Process of the agent that runs; None when there is none."""
    try:
        pid = json.loads(info_file.read_bytes())["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if isinstance(pid, int) and Path(f"/proc/{pid}").is_dir() else None


def agent_objects(root: Path, info_file: Path) -> Owned:
    """Programs and maps with the place they were found at: the pin, else the process.

    Raises TetragonError when there is neither agent nor pin.
    """
    from tetragon_sensors.kernel import inventory  # noqa: PLC0415  # not for --help

    pid = agent_pid(info_file)
    owned = inventory.pinned_objects(root)
    if pid is not None:
        held = inventory.objects_of_process(pid)
        owned.programs = held.programs | owned.programs
        owned.maps = held.maps | owned.maps
    if not owned.programs and not owned.maps:
        raise TetragonError(
            f"no agent runs ({info_file}), and nothing is pinned in {root}{_hint(root)}"
        )
    return owned


def _hint(root: Path) -> str:
    """Where Tetragon's own agent pins, if that is what is looked for."""
    is_there = root != _TETRAGONS_ROOT and _TETRAGONS_ROOT.is_dir()
    return f"; {_TETRAGONS_ROOT}, of Tetragon's agent, is there" if is_there else ""


def owned_map(name: str, root: Path, info_file: Path) -> int:
    """Number of the agent's map of this name. Raises TetragonError when there is none."""
    from tetragon_sensors.kernel import inventory  # noqa: PLC0415  # not for --help

    owned = agent_objects(root, info_file)
    for entry in inventory.list_maps():
        if entry.name == name and entry.number in owned.maps:
            return entry.number
    raise TetragonError(f"the agent has no map {name}")
