# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/policy-language.md from the tables that policies are read with.

With --check nothing is written; exit code 1 says that the page is not what it would be.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from language_texts import ACTIONS, SHAPES, TESTS
from page import by_hand, cell, write_or_check
from tetragon_core.policy.action_checks import ACTION_HOOKS, PARAMETER_OWNERS
from tetragon_core.policy.argument_types import ARGUMENT_TYPES, allowed_operators
from tetragon_core.policy.field_texts import EXAMPLES, text_of
from tetragon_core.policy.fields import POLICY
from tetragon_core.policy.json_schema import type_name
from tetragon_core.policy.operators import OPERATOR_SYNONYMS, OPERATOR_TESTS
from tetragon_core.policy.options import OPTIONS
from tetragon_core.policy.schema import Choice, Items, Named, Record
from tetragon_core.policy.selector_fields import ACTIONS as ACTION_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.policy.schema import Field, Kind

OUTPUT: Final = Path(__file__).parents[1] / "docs/reference/policy-language.md"
FIELDS_HEAD: Final = "| field | value | what it is for |\n|---|---|---|\n"
MANY: Final = 8
"""More words than this have a table of their own."""


def generate() -> str:
    """The whole page."""
    parts = (
        *("\n## Fields\n", *_fields(POLICY, (), {})),
        *("\n## Types of arguments\n\n", *_types()),
        *("\n## Operators\n\n", *_operators()),
        *("\n## Actions\n\n", *_actions()),
        *("\n## Options of a policy\n\n", *_options()),
    )
    return by_hand(OUTPUT, "gen_policy_language") + "".join(parts)


def _record(kind: Kind) -> Record | None:
    while isinstance(kind, Items | Named):
        kind = kind.kind
    return kind if isinstance(kind, Record) else None


def _keys(record: Record) -> tuple[str, ...]:
    """What tells one record from another."""
    return tuple(field.key for field in record.fields)


def _fields(
    record: Record, path: tuple[str, ...], known: dict[tuple[str, ...], str]
) -> Iterator[str]:
    """The table of a record, then those of the records in it that were not told yet."""
    title = ".".join(path) or "policy"
    yield f"\n### {title}\n\n{FIELDS_HEAD}"
    known[_keys(record)] = title
    for field in record.fields:
        inner = _record(field.kind)
        same = known.get(_keys(inner), "") if inner else ""
        yield _field_row(field, (*path, field.key), same)
    example = EXAMPLES.get(path[-1] if path else "")
    if example:
        yield f"\n```yaml\n{example}```\n"
    for field in record.fields:
        inner = _record(field.kind)
        if inner is not None and _keys(inner) not in known:
            yield from _fields(inner, (*_below(path), field.key), known)


def _below(path: tuple[str, ...]) -> tuple[str, ...]:
    """The sections of `spec` are told by their own names."""
    return () if path in {("spec",), ()} else path


def _field_row(field: Field, path: tuple[str, ...], same: str) -> str:
    text = cell(text_of(path) or "")
    if same:
        text += f" Fields: those of [{same}](#{_anchor(same)})."
    name = f"`{field.key}`" + (" (required)" if field.required else "")
    return f"| {name} | {_value(field.kind)} | {text} |\n"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w-]", "", title.lower())


def _value(kind: Kind) -> str:
    if isinstance(kind, Items):
        return f"list: {_value(kind.kind)}"
    if isinstance(kind, Named):
        return f"by name: {_value(kind.kind)}"
    if isinstance(kind, Choice):
        few = len(kind.allowed) <= MANY
        return ", ".join(f"`{word}`" for word in kind.allowed) if few else "a word of those below"
    return str(type_name(kind))


def _types() -> Iterator[str]:
    yield "| types | what they are | operators |\n|---|---|---|\n"
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, one in ARGUMENT_TYPES.items():
        groups.setdefault((SHAPES[one.shape], *allowed_operators(name)), []).append(name)
    for (text, *operators), names in groups.items():
        yield f"| {_words(names)} | {text} | {_operators_of(operators)} |\n"


def _operators_of(operators: list[str]) -> str:
    if len(operators) == len(OPERATOR_TESTS):
        return "those of that type"
    return _words(operators) or "none"


def _operators() -> Iterator[str]:
    yield "In `matchArgs`, `matchData` and `matchReturnArgs`.\n\n"
    yield "| operators | values |\n|---|---|\n"
    for test, text in TESTS.items():
        names = [name for name, kind in OPERATOR_TESTS.items() if kind is test]
        names += [other for other, name in OPERATOR_SYNONYMS.items() if name in names]
        yield f"| {_words(names)} | {text} |\n"


def _actions() -> Iterator[str]:
    record = _record(ACTION_FIELDS)
    keys = {field.attribute: field.key for field in record.fields} if record else {}
    yield "| action | what it does | where | parameters |\n|---|---|---|---|\n"
    for name, hooks in ACTION_HOOKS.items():
        given = [keys[field] for field, owners in PARAMETER_OWNERS.items() if name in owners]
        where = _words(sorted(hook.value for hook in hooks))
        yield f"| `{name}` | {ACTIONS[name]} | {where} | {_words(given)} |\n"


def _options() -> Iterator[str]:
    yield "| option | values |\n|---|---|\n"
    for name, allowed in OPTIONS.items():
        values = (
            f"a number from {allowed} up" if isinstance(allowed, int) else _words(list(allowed))
        )
        yield f"| `{name}` | {values} |\n"


def _words(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    sys.exit(write_or_check(OUTPUT, generate()))
