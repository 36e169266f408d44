# SPDX-License-Identifier: Apache-2.0
"""`probe`: what this kernel can do, found by trying, and how it was built. Needs no agent."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ..settings import client_options

__all__ = ["command"]

_STATUS: Final = Path("/proc/self/status")
_CAP_SYS_ADMIN: Final = 21


@click.group("probe", invoke_without_command=True)
@client_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """Tell what this kernel can do for the agent."""
    if ctx.invoked_subcommand is not None:
        return
    from tetragon_sensors.kernel.probes import probe_features  # noqa: PLC0415  # loads libbpf

    if not _is_administrator():
        click.echo("warning: without CAP_SYS_ADMIN much is refused: run as root (sudo)", err=True)
    for name, has in probe_features():
        click.echo(f"{name}: {str(has).lower()}")


def _is_administrator(status: Path = _STATUS) -> bool:
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return True


@command.command("config")
@client_options
def _config() -> None:
    """Tell how this kernel was built."""
    from tetragon_sensors.kernel.build_options import build_options  # noqa: PLC0415  # not for --help

    for name, value in build_options().items():
        click.echo(f"{name}:{value}")
