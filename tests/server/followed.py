# SPDX-License-Identifier: Apache-2.0
"""A directory of policy files that an agent follows, with an engine that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.fake_engine import FakeEngine
from server.harness import wait_until
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from server.harness import Api


class Followed:
    """An agent's policies, from a directory and files, and what is attached of them."""

    def __init__(self, api: Api, directory: Path, files: Sequence[Path] = ()) -> None:
        self._api = api
        self.engine = FakeEngine()
        self.directory = directory
        names = tuple(map(str, files))
        config = AgentConfig(tracing_policy_dir=str(directory), tracing_policy=names)
        self.policies = Policies(config, lambda _: self.engine)

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
