# SPDX-License-Identifier: Apache-2.0
"""`cleanup`: remove policies that go on without an agent, whatever has left them behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tetragon_core.errors import AlreadyRunningError, PermissionDeniedError, TetragonError

from ..compact.text import escape

if TYPE_CHECKING:
    from pathlib import Path

    from tetragon_sensors.policy.earlier import EarlierPolicy

__all__ = ["command"]


@click.command("cleanup")
@click.option("--bpf-dir", default="", help="Directory below /sys/fs/bpf [the agent's default].")
@click.option("--force", is_flag=True, help="Also those of an agent that runs.")
def command(*, bpf_dir: str, force: bool) -> None:
    """Remove policies that go on enforcing without an agent."""
    from tetragon_server.config import AgentConfig  # noqa: PLC0415  # keeps --help fast

    config = AgentConfig(bpf_dir=bpf_dir) if bpf_dir else AgentConfig()
    config.check()
    root = config.keep_root
    if os.geteuid() != 0:
        raise PermissionDeniedError(f"cannot look into {root}: run as root (sudo)")
    if not _clean(root, force=force):
        click.echo(f"nothing to remove in {root}")


def _clean(root: Path, *, force: bool) -> bool:
    """Remove all, and say what; False when there is nothing."""
    from tetragon_sensors.policy.earlier import EarlierRuns  # noqa: PLC0415  # loads libbpf

    runs = EarlierRuns(root, force=force)
    try:
        if runs.living and not force:
            raise AlreadyRunningError(
                f"an agent runs that keeps policies in {root}: stop it, which removes them,"
                " or give --force"
            )
        was_there = root.is_dir()
        for policy in runs.policies():
            name = _name_of(policy)
            policy.remove()
            click.echo(f"removed {name}")
        runs.collect()
    finally:
        runs.close()
    if was_there and not root.exists():
        click.echo(f"removed {root}")
    return was_there


def _name_of(policy: EarlierPolicy) -> str:
    """As `tracingpolicy list` has it; its directory when nobody knows."""
    from tetragon_server.policies.records import KeepRecord  # noqa: PLC0415  # as above

    try:
        key = KeepRecord.unpacked(policy.record()).key
    except TetragonError:
        return f"what was left of {escape(policy.name)}"
    return f"policy {escape(str(key))}"
