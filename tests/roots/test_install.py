# SPDX-License-Identifier: Apache-2.0
"""install and uninstall in a root: with a C library that is older than ours, and with none."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tetragon_core
from exe.executables import BUILT, DEADLINE_S
from roots.private_root import PROGRAM, PrivateRoot, open_root

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALLED = "/usr/local/bin/tetragon-mini"
SOCKET = "/var/run/tetragon/tetragon.sock"


@pytest.fixture(params=("bullseye", "busybox"))
def bare(request: pytest.FixtureRequest) -> Iterator[PrivateRoot]:
    """A root without systemd, whose agent has a BPF directory that no other agent has."""
    assert BUILT.exists(), "run `make dist`, which `make test` does"
    with open_root(request.param) as opened:
        folder = opened.path / "etc/tetragon/tetragon.conf.d"
        folder.mkdir(parents=True)
        (folder / "bpf-dir").write_text("tests-roots-install")
        (folder / "health-server-address").write_text("")
        yield opened


def lines_of(root: PrivateRoot, *words: str) -> list[str]:
    """What a command prints that ends well."""
    code, output, errors = root.run(*words)
    assert (0, "") == (code, errors)
    return output.splitlines()


def test_there_and_back(bare: PrivateRoot) -> None:
    """The installed agent runs without unpacking anything, and leaves nothing but our two files."""
    before = bare.written()

    planned = lines_of(bare, PROGRAM, "install", "--dry-run")
    installed = lines_of(bare, PROGRAM, "install")
    with_it = bare.written()
    assert [f"CLI version: {tetragon_core.__version__}"] == lines_of(bare, INSTALLED, "version")
    run_agent(bare)
    again = lines_of(bare, INSTALLED, "install")
    lines_of(bare, INSTALLED, "uninstall")

    assert planned[:-1] == installed[:-1]
    assert "no systemd here" in installed[-1]
    assert [] == [line for line in again[:-2] if not line.startswith("keep ")]
    assert {f"create   {path}" for path in with_it if "/man/" in path} <= set(installed)
    assert before == {path for path in bare.written() if not path.startswith("/dev/")}


def run_agent(root: PrivateRoot) -> None:
    """An agent that is installed answers, and ends when it is told to."""
    agent = root.start(INSTALLED, "agent")
    assert agent.stderr is not None
    said = [next((line for line in agent.stderr if "agent is ready" in line), "")]
    assert f"server=unix://{SOCKET}" in said[0]
    lines_of(root, INSTALLED, "status")
    program = str(Path(f"/proc/{agent.pid}/exe").readlink())
    assert program.endswith("/usr/local/lib/tetragon-mini/tetragon-mini")
    agent.send_signal(signal.SIGTERM)
    agent.communicate(timeout=DEADLINE_S)
    assert 0 == agent.returncode
