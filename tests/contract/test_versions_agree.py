# SPDX-License-Identifier: Apache-2.0
"""All distributions have one version and declare the same dependencies as the lock's source."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import tetragon_core
from bump_version import replace_version

ROOT: Final = Path(__file__).parents[2]
PYPROJECTS: Final = sorted(ROOT.glob("packages/*/pyproject.toml"))


def project(path: Path) -> dict[str, Any]:
    """The [project] table."""
    table: dict[str, Any] = tomllib.loads(path.read_text())["project"]
    return table


def requirements(path: Path) -> list[str]:
    """Dependencies with those of the extras."""
    extras = project(path).get("optional-dependencies", {}).values()
    return [*project(path)["dependencies"], *(name for extra in extras for name in extra)]


def test_there_are_six_distributions() -> None:
    """The list that the other tests go through is complete."""
    names = [path.parent.name for path in PYPROJECTS]

    assert ["cli", "core", "crio-hook", "k8s", "sensors", "server"] == names


def test_every_distribution_has_the_version_of_core() -> None:
    """What `tetragon-mini version` prints is the version of all parts."""
    versions = {project(path)["version"] for path in PYPROJECTS}

    assert {tetragon_core.__version__} == versions


def test_pins_between_distributions_name_that_version() -> None:
    """A part is only installed together with parts of the same version."""
    pins = {
        name.partition("==")[2]
        for path in PYPROJECTS
        for name in requirements(path)
        if name.startswith("tetragon-mini-")
    }

    assert {tetragon_core.__version__} == pins


def test_lock_source_is_the_union_of_third_party_dependencies() -> None:
    """Nothing is built into the executable that no package asks for, and nothing is left out."""
    asked = {
        name
        for path in PYPROJECTS
        for name in requirements(path)
        if not name.startswith("tetragon-mini-")
    }
    source = (ROOT / "packages/requirements.in").read_text()

    assert sorted(asked) == re.findall(r"(?m)^(\w.*)$", source)


def test_bump_reaches_own_version_and_pins_only() -> None:
    """Setting a version leaves the versions of other projects alone."""
    before = 'version = "0.1.0"\ndependencies = ["click>=8.1", "tetragon-mini-core[api]==0.1.0"]\n'
    after = 'version = "0.2.0"\ndependencies = ["click>=8.1", "tetragon-mini-core[api]==0.2.0"]\n'

    assert after == replace_version(before, "0.2.0")
