# SPDX-License-Identifier: Apache-2.0
"""What the parser decides: macros, system calls, positions, messages; and what it warns of."""

from __future__ import annotations

import pytest

from policy_texts import errors_of, kprobe, policy, read_cases, warnings_of
from tetragon_core.policy.model import FunctionHook, Text
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.texts import quoted

ODD = read_cases("odd_policies.txt")


def test_macros_are_merged_and_bring_their_label() -> None:
    """Lists come from one place each; the selector's own label wins."""
    text = policy("""
        selectorsMacros:
          shells: {label: sh, matchBinaries: [{operator: In, values: [/bin/sh]}]}
          quiet: {label: quiet, matchActions: [{action: NoPost}]}
        kprobes:
        - call: sys_read
          selectors:
          - {macros: [shells, quiet]}
          - {label: mine, macros: [quiet], matchPIDs: [{operator: In, values: [1]}]}
    """)

    first, second = parse_policy(text).spec.hooks[0].selectors

    assert ("sh", "mine") == (first.label, second.label)
    assert first.match_binaries[0].values == (Text("/bin/sh"),)
    assert "NoPost" == first.match_actions[0].action == second.match_actions[0].action
    assert "spec.selectorsMacros.shells.matchBinaries[0].values[0]" == (
        first.match_binaries[0].values[0].where.path
    )


@pytest.mark.parametrize(
    ("call", "said", "expected"),
    [
        ("sys_read", "", True),
        ("__arm64_sys_read", "", True),
        ("fd_install", "", False),
        ("sys_read", "false", False),
        ("sys_read", "true", True),
    ],
)
def test_a_call_is_a_system_call_by_its_name_unless_said(
    call: str, said: str, *, expected: bool
) -> None:
    """Tetragon's default, true, only ever works for names of that form."""
    syscall = f", syscall: {said}" if said else ""

    hook = parse_policy(policy(f"kprobes: [{{call: {call}{syscall}}}]")).spec.hooks[0]

    assert isinstance(hook, FunctionHook)
    assert expected is hook.syscall


def test_an_index_of_a_filter_becomes_a_position() -> None:
    """Of the argument with that index; of a tracepoint also the position itself."""
    text = policy("""
        kprobes:
        - call: sys_read
          args: [{index: 2, type: int}, {index: 0, type: int}]
          selectors: [{matchArgs: [{index: 0, operator: Equal, values: ["1"]}]}]
        tracepoints:
        - subsystem: a
          event: b
          args: [{index: 7}, {index: 5}]
          selectors:
          - matchArgs:
            - {index: 5, operator: Equal, values: ["1"]}
            - {index: 0, operator: Equal, values: ["1"]}
            - {args: [1], operator: Equal, values: ["1"]}
    """)

    function, tracepoint = parse_policy(text).spec.hooks

    assert [(1,)] == [each.args for each in function.selectors[0].match_args]
    assert [(1,), (0,), (1,)] == [each.args for each in tracepoint.selectors[0].match_args]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("plain", "plain"),
        ('a "word"\\n', 'a \\"word\\"\\\\n'),
        ("tab\tand\nline", "tab\\tand\\nline"),
        ("\x1b[0m é \u200b", "\\x1b[0m é \\u200b"),
    ],
)
def test_messages_are_escaped_as_in_events_of_tetragon(written: str, expected: str) -> None:
    """As between the quotes of a string in Go, so nothing reaches a terminal raw."""
    assert expected == quoted(written)


def test_long_messages_and_tags_are_cut_with_a_warning() -> None:
    """At a whole character: 256 bytes of a message, 128 of a tag."""
    text = policy(f"kprobes: [{{call: sys_read, message: {'é' * 200}, tags: [a{'é' * 70}]}}]")

    hook = parse_policy(text).spec.hooks[0]

    assert ("é" * 128, ("a" + "é" * 63,)) == (hook.message, hook.tags)
    assert [
        "f:5:39: spec.kprobes[0].message: the message has 400 bytes and is cut to 256",
        "f:5:248: spec.kprobes[0].tags[0]: the tag has 141 bytes and is cut to 128",
    ] == warnings_of(text)


def test_ceilings_of_tetragon_are_not_ours() -> None:
    """Selectors, values, filters of a kind, actions, sections."""
    numbers = ", ".join(f'"{number}"' for number in range(1000))
    each = f"{{index: 0, operator: Equal, values: [{numbers}]}}"
    one = f"""
        - matchArgs: [{", ".join([each] * 9)}]
          matchBinaries: [{{operator: In, values: [/a]}}, {{operator: NotIn, values: [/b]}}]
          matchNamespaceChanges: [{{operator: In, values: [Net]}}, {{operator: In, values: [Mnt]}}]
          matchActions: [{{action: Post}}, {{action: NoPost}}, {{action: Post}}, {{action: Post}}]
    """
    text = kprobe(one.replace("- ", "  ", 1))
    many = text + "    - {}\n" * 63

    selectors = parse_policy(many).spec.hooks[0].selectors

    assert 64 == len(selectors)
    assert 1000 == len(selectors[0].match_args[8].values)


@pytest.mark.parametrize(("text", "expected"), ODD.values(), ids=ODD)
def test_what_works_but_is_odd_is_told(text: str, expected: list[str]) -> None:
    """The policy loads all the same."""
    assert expected == warnings_of(text)


def test_a_policy_without_oddities_has_no_warnings() -> None:
    """Nobody learns to overlook them."""
    text = kprobe("matchArgs: [{index: 0, operator: Equal, values: ['1', '0x2', '-3']}]")

    assert ([], []) == (warnings_of(text), errors_of(text))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("GreaterThan", "GT"), ("lt", "LT"), ("NotSportPriv", "NotSPortPriv"), ("saddr", "SAddr")],
)
def test_operators_have_one_name(written: str, meant: str) -> None:
    """Synonyms and Tetragon's internal aliases are the same to what comes after."""
    kind = "sock" if meant.startswith(("N", "S")) else "int"
    values = "['1']" if kind == "int" else "['::1']"
    text = policy(f"""
        kprobes:
        - call: sys_read
          args: [{{index: 0, type: {kind}}}]
          selectors: [{{matchArgs: [{{index: 0, operator: {written}, values: {values}}}]}}]
    """)

    assert meant == parse_policy(text).spec.hooks[0].selectors[0].match_args[0].operator
