# SPDX-License-Identifier: Apache-2.0
"""Policies like Tetragon's examples: each reports what it is for and nothing else, or says why not.

Each file of tests/data/policies stands for the example of that name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from kernel.compatibility import POLICIES, read_policy, suite_of
from kernel.triggers import (
    calls,
    credentials,
    egress,
    enforced,
    files,
    network,
    objects,
    packets,
    programs,
    userspace,
)
from kernel.triggers.refused import REFUSED
from kernel.triggers.values import lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.compatibility import Suite
    from kernel.triggers.case import Case, Refused

CASES: Final = (
    *(*files.CASES, *calls.CASES, *credentials.CASES),
    *(*enforced.CASES, *egress.CASES, *userspace.CASES),
    *(*network.CASES, *packets.CASES, *objects.CASES, *programs.CASES),
)


@pytest.fixture(scope="module")
def suite(request: pytest.FixtureRequest, workload: Path) -> Iterator[Suite]:
    """One engine for all of them; the programs that some need are built."""
    del workload
    with suite_of(request.config.getoption("--level")) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=[case.policy for case in CASES])
def test_policy(suite: Suite, case: Case) -> None:
    """The policy reports exactly its trigger, or is refused for a reason that is true here."""
    policy = read_policy(case.policy, case.values())
    suite.results[case.policy] = {"loaded": False, "reason": "the test failed"}
    if reason := suite.refusal(case, policy):
        assert re.search(reason, suite.refuse(case.policy, policy))
        return

    with case.prepare():
        found, missed = suite.hits(case, policy)
        expected = list(case.expected() if callable(case.expected) else case.expected)

    if case.some:
        found = [hit for hit in found if hit in expected]
        missed = [hit for hit in missed if hit in expected]
    found.sort(key=lambda hit: hit.name in case.late)
    if case.repeated:
        found = [hit for number, hit in enumerate(found) if hit not in found[:number]]
    assert lines(expected) == lines(found)
    assert expected == found
    assert not lines(missed)


@pytest.mark.parametrize("refused", REFUSED, ids=[refused.policy for refused in REFUSED])
def test_refused_policy(suite: Suite, refused: Refused) -> None:
    """What this version cannot do yet is said, and nothing of the policy is loaded."""
    policy = read_policy(refused.policy, {})

    assert refused.reason in suite.refuse(refused.policy, policy)


def test_every_policy_is_tried() -> None:
    """There is a test for each file."""
    paths = [path.relative_to(POLICIES).with_suffix("") for path in POLICIES.rglob("*.yaml")]
    tried = {case.policy for case in CASES} | {refused.policy for refused in REFUSED}

    assert set(map(str, paths)) == tried
