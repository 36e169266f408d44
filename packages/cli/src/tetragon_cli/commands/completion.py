# SPDX-License-Identifier: Apache-2.0
"""`completion`: scripts that make a shell complete commands and options."""

from __future__ import annotations

import click

from ..completion_scripts import SHELLS, completion_script

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--no-descriptions", is_flag=True, help="Names only. bash shows no others.")
def command(shell: str, *, no_descriptions: bool) -> None:
    """Print a completion script, for example for: source <(tetragon-mini completion bash)"""
    click.echo(completion_script(shell, with_descriptions=not no_descriptions))
