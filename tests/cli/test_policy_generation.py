# SPDX-License-Identifier: Apache-2.0
"""`tracingpolicy generate`: what is written can be loaded, and has what the file has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from sensors.elf_file import CODE, SYMBOL, Probe, elf_file
from tetragon_core.policy.parse import parse_policy

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    Run = Callable[..., subprocess.CompletedProcess[str]]

X86 = pytest.mark.skipif("os.uname().machine != 'x86_64'")


def spec(done: subprocess.CompletedProcess[str]) -> Any:
    """The specification that was written."""
    assert (0, "") == (done.returncode, done.stderr)
    return yaml.safe_load(done.stdout)["spec"]


def with_functions(*names: str) -> bytes:
    """An executable with these functions, one byte after the other, and an object."""
    places = {name: CODE + number for number, name in enumerate(names)} | {"object": CODE + 99}
    content = elf_file(symbols=places)
    at = 1
    for name in names:
        written = SYMBOL.pack(at, 1, 0, 1, places[name], 4)
        assert written in content
        content = content.replace(written, SYMBOL.pack(at, 2, 0, 1, places[name], 4))
        at += len(name) + 1
    return content


def test_a_policy_that_does_nothing(run_client: Run) -> None:
    """Upstream's name for it."""
    policy = yaml.safe_load(run_client("tp", "generate", "empty").stdout)

    assert {"name": "empty"} == policy["metadata"]
    assert {} == policy["spec"]


def test_functions_of_a_file(tmp_path: Path, run_client: Run) -> None:
    """Functions, no other symbols."""
    path = tmp_path / "file"
    path.write_bytes(with_functions("first", "second"))

    done = run_client("tp", "generate", "uprobes", "-b", str(path))

    assert [{"path": str(path), "symbols": ["first", "second"]}] == spec(done)["uprobes"]


@X86
def test_usdt_probes_of_a_file(tmp_path: Path, run_client: Run) -> None:
    """Each once, with the arguments of its first site."""
    path = tmp_path / "file"
    start = Probe("app", "start", "-4@%edi 8@%rsi")
    later = start._replace(arguments="8@%rax", address=CODE + 0x20)
    path.write_bytes(elf_file(start, Probe("app", "stop"), later))

    done = run_client("tp", "generate", "usdts", "--binary", str(path))

    place = {"provider": "app", "path": str(path)}
    args = [
        {"index": 0, "type": "int32", "label": "-4@%edi"},
        {"index": 1, "type": "uint64", "label": "8@%rsi"},
    ]
    assert [place | {"name": "start", "args": args}, place | {"name": "stop"}] == spec(done)[
        "usdts"
    ]
    assert "usdts" == parse_policy(done.stdout, "x.yaml").name


@pytest.mark.parametrize("kind", ["uprobes", "usdts"])
@pytest.mark.parametrize("content", [b"no program", elf_file()], ids=["text", "stripped"])
def test_a_file_without_any(kind: str, content: bytes, tmp_path: Path, run_client: Run) -> None:
    """One line says what it is."""
    (tmp_path / "file").write_bytes(content)

    done = run_client("tp", "generate", kind, "-b", str(tmp_path / "file"))

    assert done.returncode
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {tmp_path}/file")


def test_a_file_must_be_named(run_client: Run) -> None:
    """Without it there is nothing to look at."""
    done = run_client("tp", "generate", "uprobes")

    assert done.returncode
    assert "--binary" in done.stderr


def test_functions_without_a_match(run_client: Run) -> None:
    """An error rather than a policy that cannot be loaded, whether the kernel tells or not."""
    done = run_client("tp", "generate", "ftrace-list", "-r", f"no_such_function_{os.getpid()}")

    assert done.returncode
    assert done.stdout == ""
    assert 1 == len(done.stderr.splitlines())
