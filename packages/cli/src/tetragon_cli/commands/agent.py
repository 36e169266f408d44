# SPDX-License-Identifier: Apache-2.0
"""`agent`: runs the agent with the settings it is given. The agent itself is in tetragon_server."""

from __future__ import annotations

from typing import Any

import click

from ..agent_options import agent_options, given_flags, ignored_note

__all__ = ["command"]


@click.command("agent", epilog=ignored_note())
@agent_options
@click.option(
    "--check-config", is_flag=True, help="Say what is wrong with the settings, and run nothing."
)
@click.pass_context
def command(ctx: click.Context, /, *, check_config: bool, **options: Any) -> int:  # noqa: ANN401  # one per field of AgentConfig
    """Run the agent on this host (needs root).

    Each option can also be set by an environment variable (TETRAGON_LOG_LEVEL for --log-level), in
    /etc/tetragon/tetragon.yaml (`log-level: debug`), or by a file of its name in
    /etc/tetragon/tetragon.conf.d or --config-dir. SIGHUP makes the agent read them again.
    """
    from tetragon_server.settings.reading import SettingsReader  # noqa: PLC0415  # as below

    reader = SettingsReader(given_flags(ctx, options))
    if check_config:
        from tetragon_server.settings.checking import check_settings  # noqa: PLC0415  # as below

        lines, code = check_settings(reader)
        click.echo("\n".join(lines))
        return code
    config = reader.read()
    if config.generate_docs:
        from tetragon_server.settings.documents import option_documents  # noqa: PLC0415  # as below

        click.echo(option_documents(), nl=False)
        return 0
    from tetragon_server import agent  # noqa: PLC0415  # everything an agent needs is behind it

    return agent.run(config, reread=reader.read, tell=reader.tell)
