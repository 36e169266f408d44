# SPDX-License-Identifier: Apache-2.0
"""`agent`: runs the agent with the settings it is given. The agent itself is in tetragon_server."""

from __future__ import annotations

from typing import Any

import click

from ..agent_options import agent_options, given_settings

__all__ = ["command"]


@click.command("agent")
@agent_options
@click.option("-d", "--debug", is_flag=True, help="The same as --log-level debug.")
@click.pass_context
def command(ctx: click.Context, /, *, debug: bool, **options: Any) -> int:  # noqa: ANN401  # one per field of AgentConfig
    """Run the agent on this host (needs root)."""
    from tetragon_server import agent  # noqa: PLC0415  # everything an agent needs is behind it
    from tetragon_server.config import AgentConfig  # noqa: PLC0415  # as above

    given = given_settings(ctx, options)
    if debug:
        given["log_level"] = "debug"
    return agent.run(AgentConfig(**given))
