# SPDX-License-Identifier: Apache-2.0
"""The whole agent with settings from a directory of files, and a sensor that reads its input.

Arguments: the run directory and the directory of settings.
"""

from __future__ import annotations

import sys
from pathlib import Path

from server.fake_agent import open_sensor
from server.fake_engine import FakeEngine
from tetragon_core.errors import TetragonError
from tetragon_server.agent import run
from tetragon_server.settings.given import Given
from tetragon_server.settings.reading import SettingsReader
from tetragon_server.settings.sources import Places


def main(run_dir: str, settings: str) -> int:
    """Return the exit code."""
    texts = {
        "run-dir": run_dir,
        "config-dir": settings,
        "server-address": "127.0.0.1:0",
        "health-server-address": "",
        "bpf-dir": "tetragon-mini-none",
    }
    flags = {name: Given(name, (text,), f"--{name}") for name, text in texts.items()}
    reader = SettingsReader(flags, {}, Places(packaged=(), files=(), admin=Path(run_dir, "none")))
    try:
        config = reader.read()
        return run(
            config, open_sensor, lambda *_: FakeEngine(), reread=reader.read, tell=reader.tell
        )
    except TetragonError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
