# SPDX-License-Identifier: Apache-2.0
"""YAML as policies use it: documents, anchors, merge keys, and text that means harm."""

from __future__ import annotations

import contextlib
import json
import random

import pytest

from policy_texts import HEAD, errors_of, policy, warnings_of
from tetragon_core.policy.model import FunctionHook, TracepointHook
from tetragon_core.policy.parse import parse_policies, parse_policy
from tetragon_core.policy.problems import PolicyError

WORDS = (
    *("spec", "kprobes", "selectors", "matchArgs", "matchPIDs", "values", "operator", "Equal"),
    *("index", "type", "int", "call", "sys_read", "metadata", "name", "kind", "TracingPolicy"),
    *(": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "!!int ", '"'),
    *("'", "|", ">", "? ", "#", "%", "@", "\t", "\0", "\x85", "\ufeff", "\ud800", "é", "0x", "-1"),
)


def test_several_documents_are_several_policies() -> None:
    """Empty documents between them are nothing."""
    text = f"---\n{HEAD}spec: {{loader: true}}\n---\n---\n{HEAD}spec: {{loader: false}}\n---\n"

    policies = parse_policies(text, "f")

    assert [True, False] == [each.spec.loader for each in policies]


def test_anchors_and_merge_keys_share_parts() -> None:
    """What is written beside a merge key wins over what it brings."""
    text = policy("""
        kprobes:
        - &read
          call: sys_read
          message: a read
          args: &args [{index: 0, type: int}]
        - <<: *read
          call: sys_write
        - <<: [{call: sys_close}, *read]
          args: *args
    """)

    hooks = parse_policy(text).spec.hooks

    calls = [(hook.call, hook.message) for hook in hooks if isinstance(hook, FunctionHook)]
    assert [("sys_read", "a read"), ("sys_write", "a read"), ("sys_close", "a read")] == calls
    assert hooks[0].args == hooks[1].args == hooks[2].args != ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&a [*a]", ["f:1:1: wanted a mapping, found a list"]),
        ("<<: 1", ['f:1:5: << takes mappings, found "1"']),
        ("? [a]\n: b", ["f:1:3: a key has to be a word, found a list"]),
        ("a: \x07", ["f:1:4: not YAML: the character U+0007 is not allowed"]),
        ("*a", ["f:1:1: not YAML: found undefined alias"]),
        ("- " * 100_000, ["f: not YAML: nested deeper than 64 levels"]),
        ("[" * 100_000, ["f: not YAML: nested deeper than 64 levels"]),
    ],
    ids=["cycle", "merged number", "key", "character", "alias", "deep block", "deep flow"],
)
def test_strange_yaml_is_refused(text: str, expected: list[str]) -> None:
    """One line, and the process lives on."""
    assert expected == errors_of(text)[-1:]


def test_mappings_that_merge_themselves_end() -> None:
    """A cycle and a bomb of merge keys cost no more than their text."""
    bomb = "".join(f"  a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
    text = f"{HEAD}spec: &s\n  <<: *s\n  a0: &a0 {{x: y}}\n{bomb}"

    assert 40 == len(errors_of(text))


def test_keys_are_found_in_other_letters() -> None:
    """Tetragon takes them too; a warning tells the right spelling."""
    text = policy("""
        Kprobes:
        - call: sys_read
          selectors: [{matchPids: [{Operator: in, values: [1]}]}]
    """)

    spelled = {
        warning.split(": ", 1)[0]: warning.rsplit(": ", 1)[1] for warning in warnings_of(text)
    }
    assert spelled == {
        "f:5:3": 'the field is spelled "kprobes"',
        "f:7:18": 'the field is spelled "matchPIDs"',
        "f:7:31": 'the field is spelled "operator"',
        "f:7:41": "Tetragon takes only that spelling",
    }


def test_json_with_characters_beyond_the_first_plane() -> None:
    """What json.dumps writes is a policy: a character may come as two escapes."""
    written = json.dumps(
        {
            "apiVersion": "cilium.io/v1alpha1",
            "kind": "TracingPolicy",
            "metadata": {"name": "a"},
            "spec": {"kprobes": [{"call": "sys_read", "message": "a \U0001f680 é"}]},
        }
    )

    (hook,) = parse_policy(written).spec.hooks

    assert "\\ud83d\\ude80" in written
    assert "a \U0001f680 é" == hook.message


def test_null_is_as_good_as_nothing() -> None:
    """`field:`, `~` and a field that is left out are the same, also for a required one."""
    text = policy("kprobes: ~\ntracepoints:\n- {subsystem: a, event: b, args: , raw: ~}")

    assert [
        TracepointHook(kind=hook.kind, subsystem="a", event="b")
        for hook in parse_policy(text).spec.hooks
    ] == list(parse_policy(text).spec.hooks)
    assert ['f:6:5: spec.kprobes[0]: "call" is missing'] == errors_of(policy("kprobes:\n- call:"))


@pytest.mark.parametrize("seed", range(20))
def test_garbage_raises_nothing_but_a_policy_error(seed: int) -> None:
    """Whatever the text, the caller has one exception to catch."""
    chance = random.Random(seed)
    good = policy("kprobes:\n- call: sys_read\n  args: [{index: 0, type: int}]\n  tags: [aa]")
    for _ in range(100):
        pieces = chance.choices(WORDS, k=chance.randrange(40))
        at = chance.randrange(len(good))
        end = at + chance.randrange(30)
        for text in ("".join(pieces), good[:at] + "".join(pieces[:5]) + good[end:]):
            with contextlib.suppress(PolicyError):
                parse_policies(text, "f")
