# SPDX-License-Identifier: Apache-2.0
"""Commands, options and files that the documents name exist; their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

import pytest

from docs.names import is_path, unknown_options, unknown_words
from docs.pages import PAGES, ROOT, page

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH: Final = re.compile(
    r"[\w.*-]+(/[\w.*-]+)+\.(py|md|h|c|yaml|proto|txt|sh|pxd)"
    r"|(tests|tools|docs|contrib|packages|bpf|lima|proto)/[\w./*-]+"
)
PLACEHOLDER: Final = re.compile(r"\b[A-Z]{2,}\b(?!\.md)")
"""`commands/NAME.py`: for the reader to fill in."""
OF_OTHERS: Final = {
    "configuration/tetragon.yaml",
    "eventchecker/process_exec.yaml",
    "other/file-block-kubectl-exec-access.yaml",
    "quickstart/docker-compose.yaml",
    "./tetragon.yaml",
}
"""Paths in Tetragon's tree, and of files that an agent looks for."""


def command_lines(name: str) -> Iterator[str]:
    """Lines of the blocks of commands, and what stands in back-ticks."""
    yield from page(name).codes
    for block in page(name).blocks:
        if block.is_shell:
            for line in block.text.replace("\\\n", " ").splitlines():
                yield line.removeprefix("$ ")


@pytest.mark.parametrize("name", PAGES)
def test_commands_and_options_exist(name: str) -> None:
    """Whatever is said of a command of ours, it has such subcommands and options."""
    unknown = {line: found for line in command_lines(name) if (found := unknown_words(line))}
    unknown |= {code: found for code in page(name).codes if (found := unknown_options(code))}

    assert {} == unknown


@pytest.mark.parametrize("name", PAGES)
def test_files_exist(name: str) -> None:
    """Paths in back-ticks are those of files in the tree."""
    paths = {code for code in page(name).codes if PATH.fullmatch(code)} - OF_OTHERS

    named = {path for path in paths if not PLACEHOLDER.search(path)}
    assert [] == sorted(path for path in named if not is_path(path))


@pytest.mark.parametrize("name", PAGES)
def test_links_resolve(name: str) -> None:
    """A link inside of the tree leads to a file, and to a heading that it has."""
    assert [] == [link for link in page(name).links if not resolves(name, link)]


def resolves(name: str, link: str) -> bool:
    """Whether the link leads somewhere; those to other hosts are believed."""
    path, _, anchor = link.partition("#")
    if "://" in link or link.startswith("mailto:"):
        return True
    target = (ROOT / PurePosixPath(name).parent / path).resolve() if path else ROOT / name
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in page(str(target.relative_to(ROOT))).anchors
