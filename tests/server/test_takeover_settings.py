# SPDX-License-Identifier: Apache-2.0
"""Whether policies outlive the agent can be changed while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.successive import Host, killing
from tetragon_server.config import AgentConfig

if TYPE_CHECKING:
    from pathlib import Path

    from server.harness import Api


@pytest.mark.parametrize(("keep", "expected"), [(False, []), (True, ["v1"])])
def test_the_end_after_a_reload(
    api: Api, tmp_path: Path, *, keep: bool, expected: list[str]
) -> None:
    """What was read last counts: who cannot start a program any more can still write a file."""
    host = Host(api, tmp_path / "tp.d")
    host.write(killing())
    host.start(keep_sensors_on_exit=not keep)

    api.run(reload(host, AgentConfig(keep_sensors_on_exit=keep)))
    host.stop()

    assert expected == [one.policy.hooks[0].name for one in host.engine.pins]


async def reload(host: Host, config: AgentConfig) -> None:
    """In the agent's loop, as SIGHUP does it."""
    host.policies.reload(config)
