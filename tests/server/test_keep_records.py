# SPDX-License-Identifier: Apache-2.0
"""What an agent notes for the next one."""

from __future__ import annotations

import json

import pytest

from server.successive import GRPC
from tetragon_core.errors import TetragonError
from tetragon_server.policies.records import KeepRecord


def test_records_of_other_versions() -> None:
    """More in it is ignored; less is an error."""
    record = KeepRecord(key=GRPC, text="x", since_ns=5, earlier={"attempts": 2}, replaces=("r/a",))
    value = json.loads(record.packed())

    assert record == KeepRecord.unpacked(json.dumps({**value, "more": 1}).encode())
    for name in set(value) - {"agent"}:
        less = {key: each for key, each in value.items() if key != name}
        with pytest.raises(TetragonError, match="no record"):
            KeepRecord.unpacked(json.dumps(less).encode())
