# SPDX-License-Identifier: Apache-2.0
"""Our CEL judges expressions as the reference implementation does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from server.cel_events import an_exec, kprobe, no_event
from server.cel_mutated import mutated_expressions
from server.cel_random import random_expression
from server.cel_reference import our_outcomes, reference_outcomes

_FILE = Path(__file__).parent.parent / "data" / "cel" / "expressions.txt"
_EXPRESSIONS = [
    line for line in _FILE.read_text("utf-8").splitlines() if line and not line.startswith("#")
]
_EVENTS = (an_exec(), kprobe(), no_event())
_RANDOM = 600
_MUTATED = 600


@pytest.mark.parametrize("text", _EXPRESSIONS)
def test_same_outcome_for_each_written_expression(text: str) -> None:
    """Accepted or not, true, false or an error: the same for an exec, a kprobe and no event."""
    assert reference_outcomes(text, _EVENTS) == our_outcomes(text, _EVENTS)


def test_the_written_expressions_have_all_outcomes() -> None:
    """The comparison would notice an implementation that always says the same."""
    outcomes = Counter(str(one) for text in _EXPRESSIONS for one in our_outcomes(text, _EVENTS))

    assert len(_EXPRESSIONS) > 200
    assert all(outcomes[one] > 50 for one in ("rejected", "error", "True", "False")), outcomes


@pytest.mark.parametrize("seed", range(4))
def test_same_outcome_for_random_expressions(seed: int) -> None:
    """Expressions nobody thought of have the same outcome, however ill-typed."""
    random = Random(seed)

    for text in (random_expression(random) for _ in range(_RANDOM)):
        expected = reference_outcomes(text, _EVENTS)
        if expected is not None:
            assert (text, expected) == (text, our_outcomes(text, _EVENTS))


@pytest.mark.parametrize("seed", range(4))
def test_same_outcome_for_damaged_expressions(seed: int) -> None:
    """Words taken out, put in or swapped make the same expressions invalid."""
    for text in mutated_expressions(_EXPRESSIONS, Random(seed), _MUTATED):
        expected = reference_outcomes(text, _EVENTS)
        if expected is not None:
            assert (text, expected) == (text, our_outcomes(text, _EVENTS))
