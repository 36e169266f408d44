# SPDX-License-Identifier: Apache-2.0
"""Which policies an agent starts with, and which keep it from starting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.fake_engine import policy_text
from server.followed import Followed
from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from server.harness import Api


def test_links_of_a_kubernetes_volume(api: Api, tmp_path: Path) -> None:
    """All files change when the link to their directory is swapped."""
    directory = tmp_path / "tp"
    for version in ("v1", "v2"):
        (directory / version).mkdir(parents=True)
        (directory / version / "a.yaml").write_text(policy_text("a", call=version))
    (directory / "..data").symlink_to("v1")
    (directory / "a.yaml").symlink_to("..data/a.yaml")
    followed = Followed(api, directory)
    followed.start()
    assert ["v1"] == followed.versions()

    (directory / "..new").symlink_to("v2")
    (directory / "..new").rename(directory / "..data")

    followed.wait("v2")
    followed.close()


def test_the_directory_is_made_later(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the default one may be missing at start; it is watched for, with all above it."""
    directory = tmp_path / "not" / "yet" / "there"
    monkeypatch.setattr("tetragon_server.policies.assembly.DEFAULT_POLICY_DIR", str(directory))
    followed = Followed(api, directory)
    followed.start()

    directory.mkdir(parents=True)
    followed.write("a.yaml", policy_text("a", call="v1"))

    followed.wait("v1")
    followed.close()


def test_a_missing_directory_that_was_asked_for(api: Api, tmp_path: Path) -> None:
    """The agent does not start, as Tetragon does not."""
    followed = Followed(api, tmp_path / "nowhere")

    with pytest.raises(UsageError, match="no such directory"):
        followed.start()

    followed.close()


def test_files_of_the_command_line(api: Api, tmp_path: Path) -> None:
    """All of them are loaded, after those of the directory."""
    directory = tmp_path / "tp"
    directory.mkdir()
    files = [tmp_path / "x.yaml", tmp_path / "y.yaml"]
    for path in files:
        path.write_text(policy_text(path.stem, call=path.stem))
    (directory / "a.yaml").write_text(policy_text("a"))
    followed = Followed(api, directory, files)

    followed.start()

    assert ["a", "x", "y"] == [name for _, name in followed.engine.calls]
    assert {"static"} == {one.key.domain for one in followed.policies.manager.entries()}
    followed.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "No such file"),
        ("kind: [\n", "refused"),
        (policy_text("x", message="refuse"), "refused"),
        (policy_text("a"), "refused"),
    ],
    ids=["missing", "no policy", "refused", "twice"],
)
def test_a_bad_file_of_the_command_line(
    api: Api, tmp_path: Path, text: str | None, expected: str
) -> None:
    """The agent does not start, as Tetragon does not, and leaves nothing attached."""
    directory = tmp_path / "tp"
    directory.mkdir()
    (directory / "a.yaml").write_text(policy_text("a"))
    if text is not None:
        (tmp_path / "x.yaml").write_text(text)
    followed = Followed(api, directory, [tmp_path / "x.yaml"])

    with pytest.raises(UsageError, match=expected):
        followed.start()

    followed.close()
