# SPDX-License-Identifier: Apache-2.0
"""`probe`: what this kernel can do, found by trying, how it was built, and what you may do with it.

Needs no agent.
"""

from __future__ import annotations

import click

from ..settings import client_options

__all__ = ["command"]


@click.group("probe", invoke_without_command=True)
@client_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """Tell what this kernel can do for the agent."""
    if ctx.invoked_subcommand is not None:
        return
    from tetragon_core.privileges import ADMIN, Held  # noqa: PLC0415  # not for --help
    from tetragon_sensors.kernel.probes import probe_features  # noqa: PLC0415  # loads libbpf

    if not Held.here().has(ADMIN):
        text = f"warning: without {ADMIN} some is refused: see `tetragon-mini probe privileges`"
        click.echo(text, err=True)
    for name, has in probe_features():
        click.echo(f"{name}: {str(has).lower()}")


@command.command("config")
@client_options
def _config() -> None:
    """Tell how this kernel was built."""
    from tetragon_sensors.kernel.build_options import build_options  # noqa: PLC0415  # not for --help

    for name, value in build_options().items():
        click.echo(f"{name}:{value}")


@command.command("privileges")
@client_options
def _privileges() -> None:
    """Tell what you may do here, and which capabilities the rest wants.

    The agent started by you, in this place, may do the same. What the kernel cannot do whoever asks
    is told by `probe` itself.
    """
    from tetragon_core.privileges import FEATURES, Held  # noqa: PLC0415  # not for --help

    held = Held.here()
    for one in FEATURES:
        lacks = held.told(one)
        click.echo(f"{one.name}: {f'no, {lacks}: {one.without}' if lacks else 'yes'}")
