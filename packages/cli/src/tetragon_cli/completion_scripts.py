# SPDX-License-Identifier: Apache-2.0
"""The scripts that make shells complete commands and options."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

from .group import PROGRAM, root

__all__ = ["SHELLS", "completion_script"]

_DESCRIBED: Final = {
    "bash": (),
    "zsh": (('if [[ "$descr" == "_" ]]; then', "if true; then"),),
    "fish": (("echo $metadata[2];", "echo (string split -f1 \\t -- $metadata[2]);"),),
}
"""Shells, and what of click's script is to be replaced so that they show no descriptions."""
SHELLS: Final = tuple(_DESCRIBED)
_FILES: Final = {"bash": (("complete -o nosort -F", "complete -o nosort -o default -F"),)}
"""The same, so that where there is nothing of ours to write the shell completes file names."""


def completion_script(shell: str, *, with_descriptions: bool = True) -> str:
    """The script for one of SHELLS. Raises click.UsageError when click has not the expected one."""
    variable = f"_{PROGRAM}_COMPLETE".replace("-", "_").upper()
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    # Not the class's own: for bash it would ask the bash that is here for its version.
    script = ShellComplete.source(completion(root, {}, PROGRAM, variable))
    for written, wanted in (
        *_FILES.get(shell, ()),
        *(() if with_descriptions else _DESCRIBED[shell]),
    ):
        if written not in script:
            raise click.UsageError(f"click's script for {shell} has no {written!r} to be replaced")
        script = script.replace(written, wanted)
    return script
