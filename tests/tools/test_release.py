# SPDX-License-Identifier: Apache-2.0
"""Which sources may become a release."""

from __future__ import annotations

from typing import Any

import pytest

from releaselib.sources import ReleaseError, Sources, changes_of, check

CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n- later\n\n## [1.2.0] - 2026-11-22\n\n- now\n\n## 1.1.0\n\n"
)


def sources(**changes: Any) -> Sources:
    files = {"core/__init__.py": '__version__ = "1.2.0"\n', "pyproject.toml": 'version = "1.2.0"\n'}
    values = {"changed": [], "tags": ["v1.2.0"], "version_files": files, "changelog": CHANGELOG}
    return Sources(**{**values, **changes})


@pytest.mark.parametrize("tags", [["v1.2.0"], [], ["latest"]], ids=["tag", "none", "other"])
def test_a_clean_commit_can_be_released(tags: list[str]) -> None:
    """A commit with one version that the changelog describes, whether it has its tag yet or not."""
    assert "1.2.0" == check(sources(tags=tags))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"changed": ["bpf/exec.bpf.c"]}, r"1 files are not committed \(bpf/exec.bpf.c\)"),
        ({"tags": ["v1.3.0"]}, "the tag v1.3.0 and the version 1.2.0; run tools/bump_version.py"),
        ({"version_files": {"a": 'version = "1"', "b": 'version = "2"'}}, "the versions 1, 2"),
        ({"version_files": {"a": 'version = "1"', "b": ""}}, "the versions 1"),
        ({"changelog": "## Unreleased\n\n- now\n"}, 'no section "## 1.2.0"'),
        ({"changelog": "## 1.2.0\n\n## 1.1.0\n"}, "says nothing below the heading of 1.2.0"),
    ],
    ids=["dirty", "tag", "two versions", "no version", "no section", "empty section"],
)
def test_anything_else_cannot(changes: dict[str, Any], message: str) -> None:
    """One line says what is not as a release has it."""
    with pytest.raises(ReleaseError, match=message):
        check(sources(**changes))


def test_the_changes_are_those_of_the_version() -> None:
    """What is published with a version is its own section, and not what comes later."""
    assert "- now" == changes_of(CHANGELOG, "1.2.0")
