# SPDX-License-Identifier: Apache-2.0
"""The .deb where systemd runs: what its scripts do with the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from exe.executables import BUILT
from machine.installed import LISTING, SETTINGS, SLOW_S, UNIT, Installed

if TYPE_CHECKING:
    from machinelib.machine import Machine

TOOL: Final = Path(__file__).parents[2] / "tools/packages"
VERSIONS: Final = ("0.0.1", "0.0.2")
DPKG: Final = "DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io"


@pytest.fixture
def packages(shared: Path) -> list[str]:
    """Paths in the machine of two versions, which are the same but for their number."""
    for version in VERSIONS:
        options = [f"--version={version}", "--only=deb", "--quick", f"--target={shared}"]
        subprocess.run([sys.executable, TOOL, f"--executable={BUILT}", *options], check=True)
    return [f"/host/{path.name}" for path in sorted(shared.glob("*.deb"))]


def test_the_service_follows_its_package(
    machine: Machine, untouched: list[str], packages: list[str]
) -> None:
    """It starts with the package, restarts once with an upgrade, and goes; purge leaves nothing."""
    machine.run("/host/tetragon-mini uninstall", timeout_s=SLOW_S)
    service = Installed(machine=machine)

    machine.output(f"{DPKG} -i {packages[0]}", timeout_s=SLOW_S)
    first = service.processes()
    assert ("active", "enabled") == (service.shows("ActiveState"), service.shows("UnitFileState"))

    machine.output(f"echo '# changed' >>{SETTINGS}; {DPKG} -i {packages[1]}", timeout_s=SLOW_S)
    starts = [line for line in service.journal() if 'msg="agent is ready"' in line]
    assert ("active", 2) == (service.shows("ActiveState"), len(starts))
    assert first != service.processes()
    assert "# changed" == machine.output(f"tail -n 1 {SETTINGS}").strip()

    machine.output(f"{DPKG} -r tetragon-mini", timeout_s=SLOW_S)
    assert "" == machine.run("pgrep -a tetragon").output
    machine.output(f"{DPKG} -P tetragon-mini")
    left = set(machine.output(LISTING).splitlines()) ^ set(untouched)
    assert [] == sorted(left)
    assert "not-found" == service.shows("LoadState")
    assert UNIT not in machine.output("systemctl list-units --all --no-legend --no-pager")
