# SPDX-License-Identifier: Apache-2.0
"""A directory of policy files: what is loaded follows what is there, with the real inotify."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from server.fake_engine import policy_text
from server.followed import Followed
from server.harness import wait_until
from tetragon_server.policies.entry import PolicyState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.harness import Api


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


def test_a_broken_file_keeps_its_policy(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    """Another file with the same policy does not take its place, as the log says."""
    followed.write("b.yaml", policy_text("a", call="other"))
    wait_until(lambda: bool(problems(caplog)), "the log")

    followed.write("a.yaml", "garbage")

    wait_until(lambda: "its version before stays" in caplog.text, "the log")
    followed.write("c.yaml", policy_text("c", call="c1"))
    followed.wait("v1", "c1")


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
