# SPDX-License-Identifier: Apache-2.0
"""`install`: puts program, service, settings and documents on the host, or upgrades them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tetragon_core.errors import PermissionDeniedError, TetragonError, UsageError

if TYPE_CHECKING:
    from ..installation.layout import Choices, Layout

__all__ = ["command"]

_PREFIX = re.compile(r"[\w/.+-]+")
"""In a unit other characters, such as a space or %, mean something (systemd.service(5))."""
_RUNTIMES = ("crio", "podman", "containerd", "docker")


@click.command("install")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--prefix", default="/usr/local", metavar="DIR", help="Below it: bin, lib, share.")
@click.option(
    "--root",
    default="/",
    metavar="DIR",
    help="The host's files are in DIR: for images and packages; nothing is started.",
)
@click.option(
    "--hook",
    "hooks",
    type=click.Choice(_RUNTIMES),
    multiple=True,
    help="Install the OCI hook for this runtime too; may be given several times.",
)
@click.option("--no-service", is_flag=True, help="Without a systemd service.")
@click.option("--no-start", is_flag=True, help="Start the service neither now nor at boot.")
@click.option("--package", is_flag=True, help="Files for a deb or rpm: no record, not enabled.")
def command(*, dry_run: bool, **given: Any) -> None:  # noqa: ANN401  # one per option
    """Install this program as a service of the host (needs root).

    Again with another version it is an upgrade: settings that were changed stay, and what is
    enforced goes on. `tetragon-mini uninstall` removes exactly what was installed.
    """
    from ..installation.installing import Installing  # noqa: PLC0415  # keeps --help fast
    from ..installation.systemd import manager_of  # noqa: PLC0415  # as above

    choices = _choices(**given)
    if choices.layout.is_host and not dry_run and os.geteuid() != 0:
        raise PermissionDeniedError("install writes where programs of all users are: run as root")
    manager = manager_of(choices.layout)
    installing = Installing(choices, manager)
    lines = list(installing.lines())
    if not dry_run:
        installing.run()
    click.echo("\n".join(lines))
    if dry_run:
        click.echo("nothing was changed (--dry-run)")
    elif not manager.is_there and choices.layout.is_host:
        click.echo(_to_start(choices))


def _choices(**given: Any) -> Choices:  # noqa: ANN401  # as above
    """The options as what is to be installed. Raises TetragonError."""
    from tetragon_core import program_tree  # noqa: PLC0415  # as above

    from ..installation.layout import Choices  # noqa: PLC0415  # as above
    from ..installation.systemd import has_systemd  # noqa: PLC0415  # as above

    source = program_tree.source()
    if source is None:
        raise TetragonError(
            "this runs from source code, which cannot be installed: `make dist`, then"
            " `dist/tetragon-mini install`"
        )
    layout = layout_of(given["root"], given["prefix"])
    return Choices(
        layout=layout,
        source=source,
        has_service=not given["no_service"] and has_systemd(layout),
        is_enabled=not given["no_start"] and not given["package"],
        hooks=tuple(dict.fromkeys(given["hooks"])),
        is_recorded=not given["package"],
    )


def layout_of(root: str, prefix: str = "/usr/local") -> Layout:
    """Both as clean paths. Raises UsageError for others."""
    from ..installation.layout import Layout  # noqa: PLC0415  # as above

    if not Path(prefix).is_absolute() or ".." in Path(prefix).parts:
        raise UsageError(f"--prefix {prefix}: wanted a path from / without ..")
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(
            f"--prefix {prefix!r}: wanted letters, digits and /._+- alone, as units of systemd do"
        )
    if not Path(root).is_dir():
        raise UsageError(f"--root {root}: wanted a folder that is there")
    return Layout(root=Path(root).resolve(), prefix=Path(os.path.normpath(prefix)))


def _to_start(choices: Choices) -> str:
    program = choices.layout.program
    if choices.has_service:
        return "systemd does not run here; where it does, the service starts at boot"
    return f"no systemd here: have your service manager run, or restart, `{program} agent` as root"
