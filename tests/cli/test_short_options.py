# SPDX-License-Identifier: Apache-2.0
"""Options of one letter as scripts write them for Tetragon's client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_cli.short_options import joined

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("words", [["-o", "compact"], ["-ocompact"], ["-o=compact"]])
def test_a_value_may_follow_in_each_form(words: list[str], run_client: Run) -> None:
    """Apart, joined, or with `=`."""
    done = run_client("getevents", *words, text='{"test":{}}\n')

    assert (done.returncode, done.stdout) == (0, "TEST EVENT\n")


def test_other_words_stay() -> None:
    """Long options, values with `=`, and what follows `--`."""
    words = ["-f=a=b", "--output=json", "a=b", "-", "-o=", "--", "-o=json"]

    assert ["-fa=b", *words[1:]] == joined(words)
