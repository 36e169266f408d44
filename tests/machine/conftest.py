# SPDX-License-Identifier: Apache-2.0
"""One machine for all tests of this level, and the service that is installed in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exe.executables import BUILT
from machine.installed import LISTING, SLOW_S, UNIT, Installed
from machinelib.machine import Machine
from machinelib.main import BUILD
from machinelib.root import find_disk
from vmlib.kernels import find_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/host in the machine: the executable, and what tests add."""
    assert BUILT.exists(), "run `make dist`, which `make test` does"
    folder = tmp_path_factory.mktemp("host")
    (folder / BUILT.name).write_bytes(BUILT.read_bytes())
    (folder / BUILT.name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def machine(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A Debian that systemd has booted; nothing of ours is in it."""
    kernel = find_kernel("6.1", Path(os.environ.get("VM_CACHE", BUILD / "vm")))
    image = find_disk(BUILD / "machine")
    work = tmp_path_factory.mktemp("machine")
    with Machine(kernel=kernel, image=image, work=work, shared=shared) as booted:
        yield booted
    for name in ("disk", "initramfs"):
        (work / name).unlink()


@pytest.fixture(scope="session")
def untouched(machine: Machine) -> list[str]:
    """Every file of the machine before anything was installed."""
    return machine.output(LISTING).splitlines()


@pytest.fixture
def installed(machine: Machine, untouched: list[str]) -> Installed:
    """The service; it stays from test to test, until one removes it."""
    assert untouched
    if machine.run(f"systemctl is-active {UNIT}").code != 0:
        machine.output("/host/tetragon-mini install", timeout_s=SLOW_S)
    return Installed(machine=machine)
