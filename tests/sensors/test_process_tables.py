# SPDX-License-Identifier: Apache-2.0
"""What a policy's filters need to know of processes beforehand."""

from __future__ import annotations

import pytest

from tetragon_core.policy.model import BinaryFilter, CapabilityFilter, ChangeFilter, Selector, Text
from tetragon_sensors.policy.tables import READABLE, process_tables


def binary(operator: str, *values: str, follow_children: bool = False) -> BinaryFilter:
    """A filter on executables."""
    texts = tuple(map(Text, values))
    return BinaryFilter(operator=operator, values=texts, follow_children=follow_children)


def test_nothing_needed() -> None:
    """A policy without such filters has no tables, nor has a filter without values."""
    tables = process_tables([Selector(), Selector(match_binaries=(binary("In"),))])

    assert not tables
    assert [] == list(tables.maps())


def test_equal_questions_are_asked_once() -> None:
    """Filters that differ in what they want and not in what they ask share a bit."""
    wanted = binary("In", "/a", "/b")
    unwanted = binary("NotIn", "/b", "/a", follow_children=True)
    other = binary("Prefix", "/a")
    tables = process_tables(
        [Selector(match_binaries=(wanted, other)), Selector(match_parent_binaries=(unwanted,))]
    )

    assert [READABLE << 1, READABLE << 1, READABLE << 2] == [
        tables.bit(one) for one in (wanted, unwanted, other)
    ]
    assert tables.follows
    assert ["images", "older"] == [spec.name for spec in tables.maps()]


@pytest.mark.parametrize(
    ("operator", "value", "path", "holds"),
    [
        ("In", "/usr/bin/a", b"/usr/bin/a", True),
        ("In", "/usr/bin/a", b"/usr/bin/ab", False),
        ("NotPrefix", "/usr", b"/usr/bin/a", True),
        ("Prefix", "/bin", b"/usr/bin/a", False),
        ("Postfix", "/a", b"/usr/bin/a", True),
        ("NotPostfix", "/usr", b"/usr/bin/a", False),
    ],
)
def test_verdict_of_user_space(operator: str, value: str, path: bytes, holds: bool) -> None:  # noqa: FBT001  a parameter
    """The answer is that to the question; whether yes is wanted is not part of it."""
    tables = process_tables([Selector(match_binaries=(binary(operator, value),))])

    assert (READABLE << 1) * holds == tables.verdict(path)


@pytest.mark.parametrize(
    "selector",
    [
        Selector(match_namespace_changes=(ChangeFilter(operator="In", values=(Text("Uts"),)),)),
        Selector(
            match_capability_changes=(CapabilityFilter(operator="In", values=(Text("CAP_CHOWN"),)),)
        ),
    ],
    ids=["namespaces", "capabilities"],
)
def test_changes_need_baselines(selector: Selector) -> None:
    """Filters on changes compare with what was at exec."""
    assert ["baselines"] == [spec.name for spec in process_tables([selector]).maps()]
