# SPDX-License-Identifier: Apache-2.0
"""`explain`: paths, forms of output, and what is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tetragon_cli.field_help import find, resource_table
from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


def text(path: str, *, recursive: bool = False, example: bool = False) -> str:
    """Help for a path."""
    return find(path).as_text(recursive=recursive, example=example)


def test_a_field_has_kind_type_and_fields() -> None:
    """In upstream's form: a tab before the type, what is required is marked."""
    lines = text("tracingpolicy.spec.lists").splitlines()

    assert ["KIND:     TracingPolicy", "VERSION:  v1alpha1", ""] == lines[:3]
    assert "FIELD:    lists <[]object>" == lines[3]
    assert "DESCRIPTION:" == lines[5]
    assert "   name\t<string> -required-" in lines
    assert "   values\t<[]string>" in lines


@pytest.mark.parametrize(
    "path",
    [
        "tgtp[spec][kprobes]",
        "TRACINGPOLICY.spec[kprobes]",
        "tgtp.spec.kprobes[0]",
        "tgtp.spec..kprobes",
    ],
)
def test_paths_have_several_forms(path: str) -> None:
    """Dots, brackets, numbers of items, short names, any case of the resource."""
    assert text("TracingPolicy.spec.kprobes") == text(path)


def test_recursive_help_has_fields_of_fields() -> None:
    """Each deeper by two blanks."""
    lines = text("tgtp.spec.lists", recursive=True).splitlines()
    deeper = text("tgtp.spec", recursive=True).splitlines()

    assert "   pattern\t<string>" in lines
    assert "     pattern\t<string>" in deeper


def test_an_example_only_when_asked_for() -> None:
    """And only where there is one."""
    assert "EXAMPLE:" not in text("tgtp.spec.usdts")
    assert "     - path: /usr/bin/python3" in text("tgtp.spec.usdts", example=True)
    assert "EXAMPLE:" not in text("tgtp.spec.loader", example=True)


def test_a_macro_has_a_name_of_its_authors() -> None:
    """Behind it are the fields of selectors."""
    assert "FIELD:    matchPIDs <[]object>" in text("tgtp.spec.selectorsMacros.mine.matchPIDs")


def test_schema_for_programs(run_client: Run) -> None:
    """JSON and YAML say the same, in the words of resource definitions."""
    words = ("explain", "tgtpn.spec.lists.type", "-o")
    seen = json.loads(run_client(*words, "json").stdout)

    assert ("string", ["syscalls", "generated_syscalls", "generated_ftrace", ""]) == (
        seen["type"],
        seen["enum"],
    )
    assert seen == yaml.safe_load(run_client(*words, "yaml").stdout)


def test_schema_of_a_list() -> None:
    """Items with properties and bounds."""
    schema = find("tgtp.spec.kprobes").as_schema()
    index = schema["items"]["properties"]["args"]["items"]["properties"]["index"]

    assert ["call"] == schema["items"]["required"]
    assert ("integer", 0, 2**32 - 1) == (index["type"], index["minimum"], index["maximum"])
    labels = find("tgtp.metadata.labels").as_schema()
    assert {"type": "string"} == labels["additionalProperties"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("podinfo", "unsupported resource: podinfo .*TracingPolicy, "),
        ("tgtp.spek", r'field "spek" not found in "TracingPolicy" \(available fields: apiVersion'),
        ("tgtp.kind.x", 'field "TracingPolicy.kind" does not have properties'),
        (".spec", "invalid path"),
        ("tgtp.", "invalid path"),
        ("", "invalid path"),
    ],
)
def test_what_is_not_there(path: str, message: str) -> None:
    """The error names what there is."""
    with pytest.raises(UsageError, match=message):
        find(path)


def test_another_version_is_refused() -> None:
    """There is one."""
    assert find("tgtp", "v1alpha1").as_schema()
    with pytest.raises(UsageError, match="version v2 not found"):
        find("tgtp", "v2")


def test_resources_are_listed(run_client: Run) -> None:
    """With the short names that Kubernetes knows; no path is needed."""
    assert ["NAME", "SHORTNAMES"] == resource_table().split()[:2]
    assert resource_table() == run_client("explain", "--list").stdout
    assert run_client("explain").returncode
