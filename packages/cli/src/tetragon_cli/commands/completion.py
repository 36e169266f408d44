# SPDX-License-Identifier: Apache-2.0
"""`completion`: scripts that make a shell complete commands and options."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from ..group import PROGRAM, root

__all__ = ["command"]

_DESCRIBED: Final = {
    "bash": (),
    "zsh": (('if [[ "$descr" == "_" ]]; then', "if true; then"),),
    "fish": (("echo $metadata[2];", "echo (string split -f1 \\t -- $metadata[2]);"),),
}
"""Shells, and what of click's script is to be replaced so that they show no descriptions."""


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_DESCRIBED)))
@click.option("--no-descriptions", is_flag=True, help="Names only. bash shows no others.")
def command(shell: str, *, no_descriptions: bool) -> None:
    """Print a completion script, for example for: source <(tetragon-mini completion bash)"""
    variable = f"_{PROGRAM}_COMPLETE".replace("-", "_").upper()
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    script = completion(root, {}, PROGRAM, variable).source()
    for written, wanted in _DESCRIBED[shell] if no_descriptions else ():
        if written not in script:
            raise click.UsageError(f"descriptions cannot be left out of the script for {shell}")
        script = script.replace(written, wanted)
    click.echo(script)
