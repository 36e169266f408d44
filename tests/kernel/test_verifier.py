# SPDX-License-Identifier: Apache-2.0
"""What loading costs: the verifier's work on each program stays small."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest

from tetragon_core.stats import Stats
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_sensors.features import program_copies

MOST: Final = 60_000
"""Instructions the verifier walks; its own limit is a million."""
VERIFIED: Final = re.compile(r"^verified_insns:\s+(\d+)$", re.MULTILINE)
PROGRAMS: Final = 3
"""Of processes; of each there are copies."""
ALONE: Final = 3
"""Of cgroups."""


def test_work_of_the_verifier() -> None:
    """Each copy of each program is verified in a few steps."""
    with BaseSensor(SensorConfig(), Stats()):
        texts = [Path(entry.path) for entry in os.scandir("/proc/self/fdinfo")]
        infos = [path.read_text() for path in texts if path.exists()]
    walked = [int(number) for info in infos for number in VERIFIED.findall(info)]
    if not walked:
        pytest.skip("needs verified_insns in fdinfo: this kernel is older than 5.16")

    assert PROGRAMS * program_copies() + ALONE == len(walked)
    assert [] == [number for number in walked if number > MOST]
