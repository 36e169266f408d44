# SPDX-License-Identifier: Apache-2.0
"""Whether a container starts although the agent could not be told."""

from __future__ import annotations

import re

import pytest

from tetragon_crio_hook.failure_policy import reason_to_fail
from tetragon_crio_hook.options import parse
from tetragon_server.hook_expression import evaluate

CRIO = "io.kubernetes.pod.namespace"
CONTAINERD = "io.kubernetes.cri.sandbox-namespace"


def reason(annotations: dict[str, str], *words: str) -> str:
    """With the whole program, which has CEL."""
    return reason_to_fail(parse(["createRuntime", *words], "/d", {}), annotations, evaluate)


@pytest.mark.parametrize(
    ("annotations", "words", "starts"),
    [
        ({}, (), False),
        ({CRIO: "kube-system"}, (), True),
        ({CONTAINERD: "kube-system"}, (), True),
        ({CRIO: "default"}, (), False),
        ({CRIO: "default", CONTAINERD: "kube-system"}, (), True),
        ({CRIO: "kube-system"}, ("--fail-allow-namespaces=a,b",), False),
        ({CRIO: "b"}, ("--fail-allow-namespaces=a,b",), True),
        ({"k": "kube-system"}, ("--annotations-namespace-key=k",), True),
        ({CRIO: "team-a"}, ("--fail-allow-namespaces-regex=^team-",), True),
        ({CRIO: "my-team-a"}, ("--fail-allow-namespaces-regex=^team-",), False),
        ({CRIO: "my-team-a"}, ("--fail-allow-namespaces-regex=x,team",), True),
        ({CRIO: "kube-system\n"}, ("--fail-allow-namespaces-regex=^kube-system$",), False),
        ({CRIO: "a٣"}, (r"--fail-allow-namespaces-regex=^a\d$",), False),
        ({CRIO: "abc"}, (r"--fail-allow-namespaces-regex=^abc\z",), True),
        ({}, ("--fail-cel-expr=false",), True),
        ({CRIO: "kube-system"}, ("--fail-cel-expr=true",), False),
        ({CRIO: "a"}, (f"--fail-cel-expr=annotations['{CRIO}'] != 'a'",), True),
        ({CRIO: "b"}, (f"--fail-cel-expr=annotations['{CRIO}'] != 'a'",), False),
    ],
)
def test_rules(annotations: dict[str, str], words: tuple[str, ...], *, starts: bool) -> None:
    """Tetragon's rules: one allowed key is enough; an expression decides alone."""
    assert starts == (reason(annotations, *words) == "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--fail-allow-namespaces-regex=(",), "missing \\)|unterminated"),
        (("--fail-allow-namespaces-regex=[[:alpha:]]",), "classes are written like"),
        ((r"--fail-allow-namespaces-regex=\pL",), "classes are written like"),
        (("--fail-cel-expr=annotations['x']",), "type bool was expected"),
        (("--fail-cel-expr=annotations['x'] == 'y'",), "no such key"),
    ],
)
def test_a_check_that_fails_stops_the_container(words: tuple[str, ...], expected: str) -> None:
    """And says why."""
    found = reason({CRIO: "a"}, *words)

    assert found.startswith("the check itself failed: ")
    assert re.search(expected, found)


def test_the_small_program_has_no_cel() -> None:
    """It stops the container, and says what to do."""
    options = parse(["x", "--fail-cel-expr=size(annotations) > 0"], "/d", {})

    assert "has no CEL" in reason_to_fail(options, {}, None)
