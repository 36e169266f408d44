# SPDX-License-Identifier: Apache-2.0
"""Each field of policies is described, and no description is of a field that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tetragon_core.policy.field_texts import EXAMPLES, TEXTS, text_of
from tetragon_core.policy.fields import POLICY
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.schema import Items, Named, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.policy.schema import Kind


def paths(kind: Kind, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field below a kind."""
    while isinstance(kind, Items | Named):
        kind = kind.kind
    for field in kind.fields if isinstance(kind, Record) else ():
        yield (*above, field.key)
        yield from paths(field.kind, (*above, field.key))


PATHS: Final = tuple(paths(POLICY))
ENDS: Final = {".".join(path[start:]) for path in PATHS for start in range(len(path))}


def test_each_field_has_a_text() -> None:
    """Whichever way it is reached."""
    assert [] == [".".join(path) for path in PATHS if not text_of(path)]


@pytest.mark.parametrize("table", [TEXTS, EXAMPLES], ids=["texts", "examples"])
def test_each_text_is_of_a_field(table: dict[str, str]) -> None:
    """What no path ends with was renamed or is misspelt."""
    assert set() == table.keys() - ENDS - {""}


def test_texts_are_sentences() -> None:
    """Each begins and ends as one."""
    assert [] == [key for key, text in TEXTS.items() if not text.endswith(".") or text[0].islower()]


@pytest.mark.parametrize("key", sorted(EXAMPLES.keys() - {"", "matchArgs", "matchBinaries"}))
def test_examples_are_policies(key: str) -> None:
    """An example can be put where it belongs."""
    below = "".join(f"  {line}\n" for line in EXAMPLES[key].splitlines())
    hook = "  kprobes:\n  - call: tcp_close\n    selectors:\n    - "
    place = f"{hook}matchActions:\n" if key == "matchActions" else f"  {key}:\n"
    text = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: x\nspec:\n"
    indented = below.replace("  - ", "      - ") if key == "matchActions" else below

    assert "x" == parse_policy(text + place + indented, "x.yaml").name


def test_the_example_of_a_whole_policy() -> None:
    """It can be loaded as it is."""
    assert "outgoing" == parse_policy(EXAMPLES[""], "x.yaml").name
