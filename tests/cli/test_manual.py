# SPDX-License-Identifier: Apache-2.0
"""The man pages have every command and option, and are the same each time."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from click.testing import CliRunner

import tetragon_core
from tetragon_cli.command_tree import entries, own_options
from tetragon_cli.group import root
from tetragon_cli.manual import man_pages
from tetragon_cli.manual.roff import escaped
from tetragon_server.config import OPTIONS

MAX_BYTES: Final = 100_000
PAGES: Final = {page.file_name: page.text for page in man_pages()}


def test_each_command_has_a_page() -> None:
    """Hidden ones have none; those for root alone are in section 8."""
    shown = [one for one in entries() if len(one.words) == 1 and not one.is_hidden]
    names = {f"tetragon-mini-{one.words[0]}" for one in shown}

    assert {"tetragon-mini", "tetragon.yaml", *names} == {name[:-2] for name in PAGES}
    assert {"tetragon-mini-agent.8", "tetragon-mini-getevents.1"} <= PAGES.keys()


def test_each_option_is_there() -> None:
    """On the page of the first word of its command."""
    for one in entries():
        names = ["-".join(("tetragon-mini", *one.words[:1])) + f".{section}" for section in (1, 8)]
        text = "".join(PAGES.get(name, "") for name in names)
        for option in own_options(one) if not one.is_hidden else ():
            assert escaped(option.names.split()[0].rstrip(",")) in text


def test_each_setting_is_there() -> None:
    """With its name as a file has it."""
    text = PAGES["tetragon.yaml.5"]

    assert [] == [one.name for one in OPTIONS if not one.hidden and escaped(one.name) not in text]


def test_pages_are_small_ascii_and_reproducible() -> None:
    """Another process makes the same bytes; the date is that of the version."""
    script = "from tetragon_cli.manual import man_pages\nfor one in man_pages(): print(one.text)"
    again = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)

    assert "".join(f"{text}\n" for text in PAGES.values()).encode("ascii") == again.stdout
    assert len(again.stdout) < MAX_BYTES
    assert all(f'"{tetragon_core.__released__}"' in text for text in PAGES.values())


def test_text_is_no_request() -> None:
    """Nothing in a text is taken for roff: no backslash, and no dot or quote at its beginning."""
    assert r"\&.SH \(aqx\(aq \eb \- \[u00E4]" == escaped(".SH 'x'\n\\b - ä")


def test_help_prints_them() -> None:
    """By the name of a command, or of the settings file; another word is an error."""
    run = CliRunner().invoke

    assert PAGES["tetragon-mini.1"] == run(root, ["help", "--man"]).output
    assert PAGES["tetragon-mini-status.1"] == run(root, ["help", "--man", "status"]).output
    assert PAGES["tetragon.yaml.5"] == run(root, ["help", "--man", "tetragon.yaml"]).output
    assert "no man page tetragon-mini-nosuch" in run(root, ["help", "--man", "nosuch"]).output
