# SPDX-License-Identifier: Apache-2.0
"""Imports go one way; pyproject.toml names the directions."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from importlinter.cli import lint_imports

ROOT: Final = Path(__file__).parents[2]
COMPOSITION_ROOTS: Final = {"agent.py", "surroundings.py"}


def imported_names(path: Path) -> set[str]:
    """Top-level packages that the file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name.partition(".")[0] for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module.partition(".")[0])
    return names


def test_import_contracts_hold() -> None:
    """Every contract of pyproject.toml is kept."""
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_only_the_composition_roots_know_sensors_and_k8s() -> None:
    """In the server package, two modules alone import the sensors and Kubernetes."""
    server = ROOT / "packages/server/src/tetragon_server"

    knowing = {
        path.name
        for path in server.rglob("*.py")
        if imported_names(path) & {"tetragon_sensors", "tetragon_k8s"}
    }

    assert knowing <= COMPOSITION_ROOTS
