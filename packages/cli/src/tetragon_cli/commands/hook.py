# SPDX-License-Identifier: Apache-2.0
"""`hook`, as the help and completion see it; the entry point runs it without click."""

from __future__ import annotations

import click

from ..hook import run_hook

__all__ = ["command"]


@click.command("hook", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> int:
    """OCI hook: tell the agent of a new container."""
    return run_hook(list(words))
