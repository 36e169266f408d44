# SPDX-License-Identifier: Apache-2.0
"""`completion`: scripts that make a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ..group import PROGRAM, root

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a completion script, for example for: source <(tetragon-mini completion bash)"""
    variable = f"_{PROGRAM}_COMPLETE".replace("-", "_").upper()
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(root, {}, PROGRAM, variable).source())
