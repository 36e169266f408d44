# SPDX-License-Identifier: Apache-2.0
"""Addresses as users write them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tetragon_cli.address import normalise
from tetragon_core.errors import UsageError

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("node1", "node1:54321"),
        ("node1:1", "node1:1"),
        ("::1", "[::1]:54321"),
        ("[::1]", "[::1]:54321"),
        ("[::1]:65535", "[::1]:65535"),
        ("dns:///node1:1", "dns:///node1:1"),
        ("unix:///run/t.sock", "unix:///run/t.sock"),
        ("unix:/run/t.sock", "unix:/run/t.sock"),
    ],
)
def test_port_is_added(written: str, meant: str) -> None:
    """Where it is missing, and only there."""
    assert normalise(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        ":",
        ":1",
        "node1:",
        "node1:65536",
        "node1:-1",
        "node1:http",
        "http://node1:1",
        "tcp://node1",
        "unix://",
        "unix:",
        "a b:1",
        "a\x1b[31m:1",
    ],
)
def test_no_address(written: str) -> None:
    """It is refused at once, in printable text."""
    with pytest.raises(UsageError) as caught:
        normalise(written)

    assert str(caught.value).isprintable()
    assert str(caught.value).endswith(" is no address: write host:port or unix:///path")


def test_unknown_name_is_told(run_client: Run) -> None:
    """A name that nobody has is not an agent that went away."""
    done = run_client("status", "--retries", "0", "--server-address", "nobody.invalid:1")

    assert done.returncode == 69
    assert done.stderr == (
        "Error: cannot reach the agent at nobody.invalid:1: the name does not resolve\n"
    )
