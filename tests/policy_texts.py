# SPDX-License-Identifier: Apache-2.0
"""Builders of policy texts for the tests of the parser."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Final

from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError, Problems

HEAD: Final = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: p}\n"
DATA: Final = Path(__file__).parent / "data"


def policy(spec: str) -> str:
    """A policy with that spec, which starts in line 5, column 3."""
    return f"{HEAD}spec:\n{indent(dedent(spec).strip(), '  ')}\n"


def kprobe(selector: str, *, call: str = "sys_write", kind: str = "int") -> str:
    """A policy with a kprobe, its argument 0 of that type, and a selector in line 9, column 7."""
    hook = f"kprobes:\n- call: {call}\n  args: [{{index: 0, type: {kind}}}]\n  selectors:\n"
    body = indent(dedent(selector).strip(), "    ")
    return policy(f"{hook}  - {body.lstrip()}")


def errors_of(text: str, source: str = "f") -> list[str]:
    """Lines of the error that the text causes; empty when it is fine."""
    try:
        parse_policy(text, source)
    except PolicyError as error:
        return str(error).split("\n")
    return []


def warnings_of(text: str, source: str = "f") -> list[str]:
    """Lines of the warnings about a text that is fine."""
    problems = Problems()
    parse_policy(text, source, problems)
    return [warning.text(source) for warning in problems.warnings]


def read_cases(name: str) -> dict[str, tuple[str, list[str]]]:
    """Cases of a file in data/, which says its form: by name a policy and what is said of it."""
    cases = {}
    for case in (DATA / name).read_text().split("\n== ")[1:]:
        title, _, rest = case.partition("\n")
        text, _, errors = f"\n{rest}".partition("\n--\n")
        text = text[1:] + "\n"
        head = HEAD if text.startswith("spec:") else ""
        cases[title] = (head + text, errors.strip().split("\n"))
    return cases
