# SPDX-License-Identifier: Apache-2.0
"""`cleanup`: remove policies that go on without an agent, whatever has left them behind."""

from __future__ import annotations

import os

import click

from tetragon_core.errors import PermissionDeniedError

from ..kept_policies import remove_kept

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
    if not remove_kept(root, click.echo, force=force):
        click.echo(f"nothing to remove in {root}")
