# SPDX-License-Identifier: Apache-2.0
"""Commands whose output cannot be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


@pytest.mark.parametrize(
    "words", [("version",), ("status", "--help"), ("--help",), ("completion", "bash")]
)
def test_one_line_tells(
    start_client: Callable[..., subprocess.Popen[bytes]], words: tuple[str, ...]
) -> None:
    """Exit code 1 and the reason, no stack trace."""
    with Path("/dev/full").open("wb") as full:
        client = start_client(*words, stdout=full)

    _out, err = client.communicate(timeout=60)

    assert client.returncode == 1
    assert err == b"Error: cannot write to standard output: No space left on device\n"
