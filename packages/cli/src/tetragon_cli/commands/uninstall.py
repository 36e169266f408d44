# SPDX-License-Identifier: Apache-2.0
"""`uninstall`: removes what `install` has put on the host."""

from __future__ import annotations

import os

import click

from tetragon_core.errors import PermissionDeniedError

from .install import layout_of

__all__ = ["command"]


@click.command("uninstall")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--purge", is_flag=True, help="Also settings that were changed.")
@click.option(
    "--keep-enforcing", is_flag=True, help="Policies that enforce go on without an agent."
)
@click.option("--root", default="/", metavar="DIR", help="The host's files are in DIR.")
def command(*, dry_run: bool, purge: bool, keep_enforcing: bool, root: str) -> None:
    """Remove what `install` has put there, and nothing else (needs root).

    The service is stopped, the OCI hook goes if install put it there, and what policies enforce
    ends.
    """
    from ..installation.systemd import manager_of  # noqa: PLC0415  # keeps --help fast
    from ..installation.uninstalling import Uninstalling  # noqa: PLC0415  # as above

    layout = layout_of(root)
    if layout.is_host and not dry_run and os.geteuid() != 0:
        raise PermissionDeniedError("uninstall removes what root has installed: run as root (sudo)")
    uninstalling = Uninstalling(
        layout, manager_of(layout), purge=purge, keeps_enforcing=keep_enforcing
    )
    lines = list(uninstalling.lines())
    if not dry_run:
        uninstalling.run()
    click.echo("\n".join(lines))
    if dry_run:
        click.echo("nothing was changed (--dry-run)")
