# SPDX-License-Identifier: Apache-2.0
"""The table of privileges in the documents, the service and the pod is that of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from tetragon_core.privileges import ADMIN, FEATURES

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/reference/privileges.md"
UNITS: Final = (
    ROOT / "contrib/tetragon-mini.service",
    ROOT / "packages/cli/src/tetragon_cli/installation/tetragon-mini.service",
)
POD: Final = ROOT / "contrib/kubernetes/base/daemonset.yaml"
OPTIONAL: Final = {ADMIN, "CAP_NET_BIND_SERVICE"}
"""Whoever wants what these are for adds them."""


def row(name: str, needs: str, purpose: str, without: str) -> str:
    return f"| `{name}` | {needs} | {purpose} | {without} |"


def test_the_page_has_a_row_for_each_feature() -> None:
    """In this order, in the words of the code."""
    expected = []
    for one in FEATURES:
        marks = ", ".join(f"`{each}`" for each in one.needs) + " ¹" * one.by_perf
        expected.append(row(one.name, marks, one.purpose, one.without))

    assert expected == re.findall(r"^\| `[a-z]+` \|.*$", PAGE.read_text(), re.MULTILINE)


def test_the_service_has_what_is_needed_and_no_more() -> None:
    """Both copies of the unit; every policy works with it."""
    wanted = {one for each in FEATURES for one in each.needs} - OPTIONAL | {ADMIN}
    for unit in UNITS:
        (found,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit.read_text(), re.MULTILINE)
        assert wanted == set(found.split())


def test_the_pod_has_the_same() -> None:
    """But for owners of a socket, which is root's there."""
    pod: Any = yaml.safe_load(POD.read_text())
    (agent,) = pod["spec"]["template"]["spec"]["containers"]
    added = {f"CAP_{one}" for one in agent["securityContext"]["capabilities"]["add"]}

    wanted = {one for each in FEATURES for one in each.needs} - OPTIONAL
    assert wanted - {"CAP_CHOWN"} == added
