# SPDX-License-Identifier: Apache-2.0
"""The environment is in the exec event alone, chosen by name and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import make_exec, make_exit, make_scanned
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.environment import Environment
from tetragon_core.events import ProcessExec
from tetragon_core.messages import ExecFlag
from tetragon_core.observer import Observer
from tetragon_core.process import Image
from tetragon_core.redaction import HIDDEN, Redacted
from tetragon_core.stats import Stats

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE = Image(binary="/bin/x", arguments="", cwd="")
FLAGS = int(ExecFlag.FIRST | ExecFlag.ENVIRON)


def make_observer(**options: object) -> Observer:
    """An observer of an empty host."""
    stats = Stats()
    return Observer(ProcessCache(stats), ManualClock(), stats, node_name="n", **options)  # type: ignore[arg-type]  # each has its own


@pytest.mark.parametrize(
    ("memory", "names", "expected"),
    [
        pytest.param(b"", None, [], id="none"),
        pytest.param(b"A=1\0B=\0", None, [("A", "1"), ("B", "")], id="two"),
        pytest.param(b"A=1=2\0", None, [("A", "1=2")], id="equals"),
        pytest.param(b"bare\0A=1\0", None, [("invalid", "bare"), ("A", "1")], id="no-equals"),
        pytest.param(b"A=1\0B=cut", None, [("A", "1"), ("B", "cut")], id="cut"),
        pytest.param(b"A=1\0\0B=2\0", None, [("A", "1"), ("invalid", ""), ("B", "2")], id="empty"),
        pytest.param(b"A=\xff\xfe!\0", None, [("A", "\ufffd!")], id="bad-utf-8"),
        pytest.param(b"A=1\0B=2\0bare\0", frozenset({"B"}), [("B", "2")], id="chosen"),
        pytest.param(b"A=1\0A=2\0", frozenset({"A"}), [("A", "1"), ("A", "2")], id="twice"),
    ],
)
def test_variables(
    memory: bytes, names: frozenset[str] | None, expected: Sequence[tuple[str, str]]
) -> None:
    """How it lies in memory, and what is shown."""
    assert expected == Environment(memory, IMAGE, names).variables


def test_secrets_are_hidden_in_what_was_chosen() -> None:
    """A redaction gets the binary, and each chosen variable as NAME=value."""
    asked = []

    def redact(binary: str, text: str) -> Redacted:
        asked.append((binary, text))
        return Redacted(text.replace("top", HIDDEN), ())

    environment = Environment(b"A=top\0B=top\0", IMAGE, frozenset({"A"}), redact)

    assert [("A", "*****")] == environment.variables
    assert [("/bin/x", "A=top")] == asked


def test_only_the_exec_event_has_it() -> None:
    """Nothing of it is in the process, which later events show."""
    observer = make_observer()
    message = make_exec((5, 100), flags=FLAGS, environ=b"SECRET=1\0")

    (event,) = observer.feed(message)

    assert isinstance(event, ProcessExec)
    assert event.environment is not None
    assert [("SECRET", "1")] == event.environment.variables
    assert b"" == message.environ  # what the image is made from, when somebody asks
    assert "SECRET" not in repr(event.process.image)
    (end,) = observer.feed(make_exit((5, 100)))
    assert not hasattr(end, "environment")


def test_without_the_option_there_is_none() -> None:
    """A record that carries no environment makes no empty one."""
    (event,) = make_observer().feed(make_exec((5, 100)))

    assert isinstance(event, ProcessExec)
    assert event.environment is None


def test_processes_of_the_walk() -> None:
    """What /proc says of one is in its event, and what it could not say in the flags."""
    observer = make_observer(environment_names=frozenset({"B"}))
    unread = int(ExecFlag.ERROR_ENVIRON)
    scanned = [make_scanned(7, environ=b"A=1\0B=2\0"), make_scanned(8, environ=b"", flags=unread)]

    events = observer.add_scanned(scanned)

    found = [event for event in events if event.environment]
    assert [[("B", "2")], []] == [one.environment.variables for one in found if one.environment]
    assert ["procFS rootcwd", "procFS errorEnvs rootcwd"] == [one.process.flags for one in found]
