# SPDX-License-Identifier: Apache-2.0
"""A page is run where it harms nothing, and a command that does not do what is shown is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs.markers import parse_marker
from docs.pages import Block
from docs.session import Session
from docs.shell import page_shell
from docs.test_commands import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docs.shell import Shell


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    """One sandbox."""
    with page_shell(PROGRAM) as made:
        yield made


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("run", "$ echo a\nb\n"),
        ("run", "$ false\n"),
        ("run", "false\ntrue\n"),
        ("run: fails", "$ true\n"),
        ("run: first false", "$ true\n"),
        ("run: each", "true\nfalse\n"),
    ],
)
def test_what_is_not_as_shown_fails(marker: str, text: str) -> None:
    """Another output, a command that fails, and one that should have."""
    with page_shell(PROGRAM) as own, pytest.raises(pytest.fail.Exception):
        Session(own, "page").do(Block(text, "", 1, marker), parse_marker(marker))


def test_what_is_as_shown_passes(shell: Shell) -> None:
    """What one command leaves the next one finds, also while another goes on."""
    session = Session(shell, "page")
    text = "$ cd /tmp\n$ x=1\n$ { sleep 0.2; echo on; } &\non\n$ pwd; echo $x\n/tmp\n1\n"

    session.do(Block(text, "", 1, "run"), parse_marker("run"))
    session.do(Block("$ cat\n", "", 1, "run"), parse_marker("run"))


def test_the_host_is_untouched(shell: Shell) -> None:
    """Files, sockets, name and addresses of the sandbox are its own."""
    done = shell.run(
        "touch /etc/sandbox /usr/local/bin/sandbox /run/sandbox /var/sandbox /tmp/sandbox"
        " && ls /run /sys/fs/bpf && hostname && ip -o link | wc -l"
    )

    assert (0, ["demo", "1"]) == (done.status, done.lines[-2:])
    folders = ("/etc", "/usr/local/bin", "/run", "/var", "/tmp")
    assert [] == [name for name in folders if Path(name, "sandbox").exists()]
