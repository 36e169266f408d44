# SPDX-License-Identifier: Apache-2.0
"""Running the client as a user does, and an agent for it to talk to."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


def _load_fake_agent() -> Any:
    """The module beside this file; tests are no package, so it is found by path."""
    path = Path(__file__).with_name("fake_agent.py")
    spec = importlib.util.spec_from_file_location("cli_fake_agent", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Any]:
    """A FakeAgent that listens on a private socket."""
    with _load_fake_agent().serving(tmp_path) as running:
        yield running


@pytest.fixture
def start_client() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `tetragon-mini WORDS`; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def start(
        *words: str,
        more: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        settings: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
        } | options
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [*through, sys.executable, "-m", "tetragon_cli", *words],
            stderr=subprocess.PIPE,
            env={**environment, **(more or {})},
            text=False,
            **settings,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run_client(
    start_client: Callable[..., subprocess.Popen[bytes]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `tetragon-mini WORDS` to its end; `text` is its standard input, through a pipe."""

    def run(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        options = {} if text is None else {"stdin": subprocess.PIPE}
        process = start_client(*words, **options)
        out, err = process.communicate(None if text is None else text.encode(), timeout=60)
        return subprocess.CompletedProcess(
            process.args, process.returncode, out.decode(), err.decode()
        )

    return run


@pytest.fixture
def umask_of_the_strict() -> Iterator[None]:
    """Files are for their owner alone, unless somebody says otherwise."""
    before = os.umask(0o077)
    yield
    os.umask(before)
