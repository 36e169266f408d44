# SPDX-License-Identifier: Apache-2.0
"""A directory of policy files: what is loaded follows what is there, with the real inotify."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from server.fake_engine import FakeEngine, policy_text
from server.harness import Api, running_api, wait_until
from tetragon_core.errors import UsageError
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies
from tetragon_server.policies.entry import PolicyState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Followed:
    """An agent's policies, from a directory and files, and what is attached of them."""

    def __init__(self, api: Api, directory: Path, files: Sequence[Path] = ()) -> None:
        self._api = api
        self.engine = FakeEngine()
        self.directory = directory
        names = tuple(map(str, files))
        config = AgentConfig(tracing_policy_dir=str(directory), tracing_policy=names)
        self.policies = Policies(config, lambda: self.engine)

    def start(self) -> None:
        """Load what is there."""
        self._api.run(self.policies.start())

    def close(self) -> None:
        """End as the agent does."""
        self._api.run(self.policies.close())
        assert [] == self.engine.attached

    def versions(self) -> list[str]:
        """The called functions of what is attached, which tell versions apart here."""
        return sorted(policy.hooks[0].name for policy in list(self.engine.attached))

    def wait(self, *versions: str) -> None:
        """Return when exactly these are attached."""
        wait_until(lambda: self.versions() == sorted(versions), f"{versions} to be attached")

    def write(self, name: str, text: str) -> Path:
        """A file of the directory, as a shell's redirection writes it."""
        path = self.directory / name
        path.write_text(text)
        return path


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path) as running:
        yield running


@pytest.fixture
def followed(api: Api, tmp_path: Path) -> Iterator[Followed]:
    """A directory with a.yaml, version v1 of policy a, that is followed."""
    directory = tmp_path / "tp"
    directory.mkdir()
    one = Followed(api, directory)
    one.write("a.yaml", policy_text("a", call="v1"))
    one.start()
    yield one
    one.close()


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says about refused policies."""
    records: list[Any] = [one for one in caplog.records if one.msg == "policy refused"]
    return [one.attrs["problem"] for one in records]


def closed_before(calls: list[tuple[str, str]], name: str) -> bool:
    """True when the old version of `name` was closed before the new one was loaded."""
    return calls.index(("close", name)) < max(
        number for number, call in enumerate(calls) if call == ("load", name)
    )


def test_files_that_are_there_at_start(followed: Followed) -> None:
    """They are loaded when start returns."""
    assert ["v1"] == followed.versions()


def test_a_file_is_written_again(followed: Followed) -> None:
    """The new version is loaded before the old one is closed."""
    followed.write("a.yaml", policy_text("a", call="v2"))

    followed.wait("v2")
    assert not closed_before(followed.engine.calls, "a")


def test_an_editor_renames_into_place(followed: Followed) -> None:
    """One reload; the editor's own files are no policies."""
    hidden = followed.write(".a.yaml.swp", policy_text("swap", call="swap"))
    backup = followed.directory / "a.yaml~"
    (followed.directory / "a.yaml").rename(backup)
    followed.write("4913", "")
    fresh = followed.write("new.tmp", policy_text("a", call="v2"))
    fresh.rename(followed.directory / "a.yaml")
    backup.unlink()
    hidden.unlink()

    followed.wait("v2")
    assert 2 == followed.engine.calls.count(("load", "a"))
    assert not closed_before(followed.engine.calls, "a")


def test_a_version_that_is_no_policy(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    """The old one stays and the log says so; a better version takes its place."""
    followed.write("a.yaml", "kind: [\n")
    wait_until(lambda: "its version before stays" in caplog.text, "the log")
    assert ["v1"] == followed.versions()

    followed.write("a.yaml", policy_text("a", call="v3"))

    followed.wait("v3")


def test_a_version_that_is_refused(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    """The old one stays, and the list says what is wrong with the new one."""
    followed.write("a.yaml", policy_text("a", call="v2", message="refuse"))
    wait_until(lambda: "its version before stays" in caplog.text, "the log")

    (entry,) = followed.policies.manager.entries()
    assert ["v1"] == followed.versions()
    assert PolicyState.ENABLED is entry.state
    assert "no such function" in entry.error
    path = followed.directory / "a.yaml"
    assert [f"{path}:7:13", f"{path}:7:13"] == [text.split(": ")[0] for text in problems(caplog)]


def test_one_bad_file_among_others(followed: Followed) -> None:
    """The others are loaded; the bad one is not tried again until it changes."""
    followed.write("b.yaml", policy_text("b", message="refuse"))
    followed.write("c.yaml", policy_text("c", call="c1"))
    followed.wait("v1", "c1")
    followed.write("c.yaml", policy_text("c", call="c2"))
    followed.wait("v1", "c2")

    assert 1 == followed.engine.calls.count(("load", "b"))

    followed.write("b.yaml", policy_text("b", call="b2"))
    followed.wait("v1", "c2", "b2")


def test_a_file_is_deleted(followed: Followed) -> None:
    """Its policy goes, also one that could not be loaded."""
    followed.write("b.yaml", policy_text("b", message="refuse"))
    wait_until(lambda: len(followed.policies.manager.entries()) == 2, "the refused one")

    (followed.directory / "a.yaml").unlink()
    (followed.directory / "b.yaml").unlink()

    followed.wait()
    wait_until(lambda: not followed.policies.manager.entries(), "an empty list")


def test_a_file_gets_another_name(followed: Followed) -> None:
    """Nothing is loaded anew."""
    (followed.directory / "a.yaml").rename(followed.directory / "b.yaml")
    followed.write("c.yaml", policy_text("c", call="c1"))

    followed.wait("v1", "c1")
    assert [("load", "a"), ("load", "c")] == followed.engine.calls

    (followed.directory / "b.yaml").unlink()
    followed.wait("c1")


def test_a_policy_gets_another_name(followed: Followed) -> None:
    """The new one is loaded before the old one is closed; if it is refused the old one stays."""
    followed.write("a.yaml", policy_text("b", call="v2"))

    followed.wait("v2")
    assert [("load", "a"), ("load", "b"), ("close", "a")] == followed.engine.calls

    followed.write("a.yaml", policy_text("c", message="refuse"))
    wait_until(lambda: len(followed.policies.manager.entries()) == 2, "the refused one")
    assert ["v2"] == followed.versions()


def test_a_file_is_half_written(followed: Followed) -> None:
    """Nothing happens until the writer closes it, however long that takes."""
    text = policy_text("b", call="b1")
    with (followed.directory / "b.yaml").open("w") as file:
        file.write(text[:-30])
        file.flush()
        followed.write("c.yaml", policy_text("c", call="c1"))
        followed.wait("v1", "c1")  # so the directory was looked at meanwhile
        file.write(text[-30:])

    followed.wait("v1", "c1", "b1")


def test_a_half_that_is_a_policy_too(followed: Followed) -> None:
    """The running version stays while its file is being written over."""
    with (followed.directory / "a.yaml").open("w") as file:
        file.write(policy_text("a", call="half"))
        file.flush()
        followed.write("c.yaml", policy_text("c", call="c1"))
        followed.wait("v1", "c1")
        file.write("      message: whole\n")

    followed.wait("half", "c1")
    assert 2 == followed.engine.calls.count(("load", "a"))


def test_the_same_policy_in_two_files(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    """The first by name is used, the other when that one goes."""
    followed.write("b.yaml", policy_text("a", call="other"))
    wait_until(lambda: bool(problems(caplog)), "the log")
    assert problems(caplog)[0].endswith("policy a is also in a.yaml, which is used")
    assert ["v1"] == followed.versions()

    (followed.directory / "a.yaml").unlink()

    followed.wait("other")
    assert not closed_before(followed.engine.calls, "a")


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


def test_the_directory_goes_and_comes_back(followed: Followed) -> None:
    """Its policies go with it; a new directory, also one moved there, is followed again."""
    other = followed.directory.with_name("other")
    shutil.copytree(followed.directory, other)
    shutil.rmtree(followed.directory)
    followed.wait()

    other.rename(followed.directory)
    followed.wait("v1")
    followed.write("b.yaml", policy_text("b", call="b1"))
    followed.wait("v1", "b1")


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


def test_what_is_no_regular_file(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    """Pipes do not hold up the agent, directories and broken text are told about."""
    os.mkfifo(followed.directory / "pipe.yaml")
    (followed.directory / "dir.yaml").mkdir()
    (followed.directory / "bytes.yaml").write_bytes(b"\xff\xfe")
    (followed.directory / "loop.yaml").symlink_to("loop.yaml")
    followed.write("b.yaml", policy_text("b", call="b1"))

    followed.wait("v1", "b1")

    names = [text.split(": ")[0].rpartition("/")[2] for text in problems(caplog)]
    assert ["bytes.yaml", "dir.yaml", "loop.yaml", "pipe.yaml"] == sorted(names)


def test_a_policy_deleted_by_hand(api: Api, followed: Followed) -> None:
    """It stays away until its file changes."""
    (entry,) = followed.policies.manager.entries()
    api.run(followed.policies.manager.delete(entry.key))
    followed.write("c.yaml", policy_text("c", call="c1"))
    followed.wait("c1")

    followed.write("a.yaml", policy_text("a", call="v2"))

    followed.wait("c1", "v2")


def test_a_disabled_policy_stays_disabled(api: Api, followed: Followed) -> None:
    """A new version of its file is loaded and does not report."""
    (entry,) = followed.policies.manager.entries()
    api.run(followed.policies.manager.configure(entry.key, enable=False))

    followed.write("a.yaml", policy_text("a", call="v2"))

    followed.wait("v2")
    wait_until(
        lambda: followed.policies.manager.entries()[0].state is PolicyState.DISABLED, "the state"
    )


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
