# SPDX-License-Identifier: Apache-2.0
"""What is generated and committed is what its source generates today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
GENERATORS: Final = (
    *("gen_cli", "gen_contrib", "gen_crds", "gen_errors", "gen_events", "gen_metrics"),
    *("gen_options", "gen_policy_language", "gen_proto", "gen_wire"),
)


@pytest.mark.parametrize("generator", GENERATORS)
def test_generated_files_are_fresh(generator: str) -> None:
    """The generator finds nothing to change."""
    result = subprocess.run(
        [sys.executable, f"tools/{generator}.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (result.returncode, result.stderr)
