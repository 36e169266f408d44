# SPDX-License-Identifier: Apache-2.0
"""Where paths of the host are, for an agent on the host and for one in a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_server.host import host_root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("root", "expected"),
    [("/", ""), ("/usr", "{procfs}/1/root"), ("/none", "")],
    ids=["on the host", "in a container", "not told"],
)
def test_host_root(tmp_path: Path, root: str, expected: str) -> None:
    """The root of the first process is the host's, if that is another one than ours."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1/root").symlink_to(root)

    assert expected.format(procfs=tmp_path) == host_root(tmp_path)
