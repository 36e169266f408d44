# SPDX-License-Identifier: Apache-2.0
"""The subcommands: one row and one module each. A module is imported when its command is used."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMMANDS", "CommandRow"]


class CommandRow(NamedTuple):
    """A subcommand: its module here has the click command `command`."""

    name: str
    summary: str
    alias: str = ""
    hidden: bool = False
    """Left out of help and completion, as by upstream's client."""


COMMANDS: Final = (
    CommandRow("agent", "Run the agent on this host (needs root)."),
    CommandRow("getevents", "Print events as they happen."),
    CommandRow("tracingpolicy", "Load policies into the agent, list and remove them.", "tp"),
    CommandRow("status", "Tell whether the agent works and what it lost."),
    CommandRow("cleanup", "Remove policies that go on enforcing without an agent (needs root)."),
    CommandRow("info", "Print the agent's settings as one JSON line."),
    CommandRow("loglevel", "Show and change what the agent logs.", "log"),
    CommandRow("eventlog", "Show and change the limits of the export file."),
    CommandRow("probe", "Tell what this kernel can do for the agent."),
    CommandRow("explain", "Describe the fields of policies."),
    CommandRow("cri", "Ask the container runtime."),
    CommandRow("bugtool", "Collect what a bug report needs into an archive."),
    CommandRow("version", "Print the client's version, and the agent's."),
    CommandRow("install", "Install this program as a service of the host (needs root)."),
    CommandRow("uninstall", "Remove what install has put there (needs root)."),
    CommandRow("completion", "Print a completion script for your shell."),
    CommandRow("hook", "OCI hook: tell the agent of a new container."),
    CommandRow("help", "Print the help of a command.", hidden=True),
    CommandRow("debug", "Look into maps, programs and caches.", hidden=True),
    CommandRow("dump", "The same as debug dump.", hidden=True),
    CommandRow("sensors", "Deprecated: use tracingpolicy.", hidden=True),
    CommandRow("rthooks", "Announce a container to the agent, for tests.", hidden=True),
    CommandRow("cgtracker", "Tools for the table of containers' cgroups.", hidden=True),
    CommandRow("policyfilter", "Tools for the filter of policies by workload.", hidden=True),
)
