# SPDX-License-Identifier: Apache-2.0
"""`cleanup` as far as it needs no kernel; the rest is in the tests of enforcement that survives."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from tetragon_cli.group import root
from tetragon_core.errors import PermissionDeniedError, UsageError


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what is missing."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    error = CliRunner().invoke(root, ["cleanup"]).exception

    assert isinstance(error, PermissionDeniedError)
    assert "cannot look into /sys/fs/bpf/tetragon-mini: run as root (sudo)" == str(error)


@pytest.mark.parametrize("name", ["..", "a/b", "a.b"])
def test_names_that_lead_elsewhere(name: str) -> None:
    """Nothing outside of the BPF file system is touched."""
    error = CliRunner().invoke(root, ["cleanup", "--bpf-dir", name]).exception

    assert isinstance(error, UsageError)
