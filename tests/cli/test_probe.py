# SPDX-License-Identifier: Apache-2.0
"""`probe`: the form of what it prints, and where it finds how a kernel was built."""

from __future__ import annotations

import gzip
import os
import re
from typing import TYPE_CHECKING

import pytest

from tetragon_core.errors import UnsupportedKernelError
from tetragon_sensors.kernel.build_options import OPTIONS, build_options
from tetragon_sensors.kernel.probes import FEATURES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

TEXT = (
    b"# CONFIG_AUDIT is not set\nCONFIG_BPF=y\nCONFIG_SECURITY=m\nCONFIG_NR_CPUS=64\n\nnonsense\n"
)


def test_one_line_for_each_feature(run_client: Run) -> None:
    """Name and truth, also for a user who may try nothing."""
    done = run_client("probe")

    assert 0 == done.returncode
    lines = [re.fullmatch(r"([a-z_]+): (true|false)", line) for line in done.stdout.splitlines()]
    assert list(FEATURES) == [line[1] for line in lines if line is not None]


def test_a_kernel_tells_how_it_was_built(tmp_path: Path) -> None:
    """Modules count, what is not chosen is n."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(TEXT))

    chosen = {"CONFIG_BPF": "y", "CONFIG_SECURITY": "m"}
    assert dict.fromkeys(OPTIONS, "n") | chosen == build_options(tmp_path)


@pytest.mark.parametrize("broken", [None, b"\x1f\x8bbroken", b"plain"], ids=str)
def test_the_boot_directory_is_the_second_place(broken: bytes | None, tmp_path: Path) -> None:
    """Also when the first cannot be read."""
    for name in ("proc", "boot"):
        (tmp_path / name).mkdir()
    if broken is not None:
        (tmp_path / "proc/config.gz").write_bytes(broken)
    (tmp_path / f"boot/config-{os.uname().release}").write_bytes(TEXT)

    assert "y" == build_options(tmp_path)["CONFIG_BPF"]


def test_a_kernel_that_does_not_tell(tmp_path: Path) -> None:
    """The error names both places."""
    with pytest.raises(UnsupportedKernelError, match=r"config\.gz nor .*/boot/config-"):
        build_options(tmp_path)
