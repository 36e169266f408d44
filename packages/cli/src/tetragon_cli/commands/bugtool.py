# SPDX-License-Identifier: Apache-2.0
"""`bugtool`: an archive with what is needed to understand a problem, of an agent alive or dead."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..kernel_objects import agent_pid, run_dir_option
from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from ..settings import ClientSettings

__all__ = ["command"]

_ANSWER_S: Final = 10.0
"""For each answer of an agent that may hang."""


@client_options
@click.command("bugtool")
@click.option("-o", "--out", default="tetragon-bugtool.tar.gz", help="File to write.")
@click.option("--bpftool", default="", metavar="FILE", help="Ask bpftool too.")
@click.option("--gops", default="", metavar="FILE", help="Not needed here; for scripts.")
@run_dir_option
@click.pass_context
def command(ctx: click.Context, *, out: str, bpftool: str, gops: str, run_dir: Path) -> None:  # noqa: ARG001  # gops: upstream's
    """Collect what a bug report needs into an archive.

    Environments of processes and passwords in settings are left out. Arguments of processes are in
    it, as in events: look before you send it.
    """
    from ..bugreport.agent_entries import AgentEntries  # noqa: PLC0415  # keeps --help fast
    from ..bugreport.archive import new_archive  # noqa: PLC0415  # as above
    from ..bugreport.kernel_entries import KernelEntries  # noqa: PLC0415  # as above

    info = _info(run_dir)
    settings = _settings(client_settings(ctx), info)
    with new_archive(Path(out)) as archive:
        if not info:
            archive.note("tetragon-info.json", f"{run_dir} is not there: no agent runs")
        AgentEntries(run_dir, info, settings).add_to(archive)
        KernelEntries(run_dir, agent_pid(run_dir), bpftool).add_to(archive)
    if archive.missing:
        text = (
            f"{archive.missing} entries are missing: tetragon-bugtool.log in the archive says why"
        )
        click.echo(text, err=True)
    click.echo(f"wrote {out}")


def _info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}


def _settings(given: ClientSettings, info: dict[str, Any]) -> ClientSettings:
    """Where the agent of this run directory listens, and no patience with it."""
    address = given.server_address or str(info.get("server_address") or "")
    limit_s = min(given.timeout_s, _ANSWER_S)
    return replace(given, server_address=address, retries=0, timeout_s=limit_s)
