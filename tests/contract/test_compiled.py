# SPDX-License-Identifier: Apache-2.0
"""The compiled modules do what their source does; the source is the oracle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
COMPILED: Final = ROOT / "build/compiled"
STREAM: Final = Path(__file__).with_name("random_stream.py")
HOT: Final = ("tetragon_core.observer", "tetragon_sensors.decode", "tetragon_server.encode")


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile what is older than its source."""
    subprocess.run([sys.executable, ROOT / "tools/compile.py"], check=True)


def run(words: list[str], path: Path | None) -> str:
    """Output of Python, with `path` before the source tree in its module path."""
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    if path:
        environment["PYTHONPATH"] = f"{path}:{environment.get('PYTHONPATH', '')}"
    return subprocess.run(
        [sys.executable, *words], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_copy_is_compiled() -> None:
    """The hot modules of the copy are compiled ones, and those of the source tree are not."""
    code = f"import {', '.join(HOT)}, sys; print(*(sys.modules[name].__file__ for name in {HOT}))"

    assert [".so"] * len(HOT) == [Path(name).suffix for name in run(["-c", code], COMPILED).split()]
    assert [".py"] * len(HOT) == [Path(name).suffix for name in run(["-c", code], None).split()]


@pytest.mark.parametrize("seed", range(4))
def test_same_events_of_random_records(seed: int) -> None:
    """Every event, count and error that a stream of random records gives is the same."""
    words = [str(STREAM), str(seed)]
    source, compiled = run(words, None), run(words, COMPILED)

    assert len(source.splitlines()) > 1000
    assert source == compiled
