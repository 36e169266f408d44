# SPDX-License-Identifier: Apache-2.0
"""How a tracepoint's fields are read as arguments of a policy."""

from __future__ import annotations

import pytest

from tetragon_core.policy.model import Argument
from tetragon_core.policy.nodes import Where
from tetragon_core.policy.problems import Problems
from tetragon_sensors.kernel.tracefs import Event, Field
from tetragon_sensors.policy.arguments import plan_field


@pytest.mark.parametrize(
    ("written", "in_record", "expected"),
    [
        ("auto", True, "data_loc"),
        ("string", True, "data_loc"),
        ("string", False, "string"),
        ("uint32", True, "uint32"),
    ],
)
def test_texts(written: str, *, in_record: bool, expected: str) -> None:
    """A text in the record is read from there, also if the policy says string."""
    kind = "__data_loc char[]" if in_record else "const char *"
    field = Field(
        name="filename",
        type_text=kind,
        offset=8,
        size=4 if in_record else 8,
        signed=False,
        is_array=False,
        is_data_loc=in_record,
        is_rel_loc=False,
    )
    problems = Problems()

    plan = plan_field(
        Argument(where=Where("args", 1, 1), index=4, type=written),
        Event("sched", "sched_process_exec", 1, (field,)),
        problems,
    )

    assert plan is not None
    assert expected == plan.type.names[0]
    assert [] == problems.errors
