# SPDX-License-Identifier: Apache-2.0
"""Runs what builds packages; its own message becomes the error."""

from __future__ import annotations

import os
import subprocess

from .errors import PackageError

__all__ = ["run"]


def run(command: list[str], **environment: str) -> None:
    """Run it with more variables; PackageError when it is missing or fails."""
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
        )
    except FileNotFoundError:
        raise PackageError(f"{command[0]} is missing; run: tools/setup packages") from None
    except subprocess.CalledProcessError as error:
        raise PackageError(f"{command[0]} failed: {error.stderr.strip()}") from None
