# SPDX-License-Identifier: Apache-2.0
"""The settings file that a new installation gets: every option as a comment, with its default.

Few lines are no comments: what a service should do unlike an agent that is started by hand.
"""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Final

from ..config import OPTIONS, AgentConfig
from ..config.option import options_of
from ..config.writing import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config import Option

__all__ = ["SERVICE_SETTINGS", "starting_file"]

SERVICE_SETTINGS: Final = {
    "server-address": (
        "unix:///var/run/tetragon/tetragon.sock",
        "Here the socket alone: anybody on the host may connect to a TCP port.",
    ),
    "health-server-address": (
        "localhost:6789",
        "Here this host alone: nobody elsewhere asks, unless a probe is set up.",
    ),
    "keep-sensors-on-exit": (
        "true",
        "Here true: a restart or an upgrade leaves no gap. `tetragon-mini cleanup` ends them.",
    ),
}
"""Option → its value as text, and why."""
_WIDTH: Final = 100
_HEAD: Final = """\
# /etc/tetragon/tetragon.yaml: settings of the agent. What is behind a # is the default.
#
# Flags and variables (TETRAGON_LOG_LEVEL=debug) win over this file, and so do files in
# tetragon.conf.d, one for each option. Check it with `tetragon-mini agent --check-config`, and have
# a running agent read it with `systemctl reload tetragon-mini`; options that this does not reach
# are named in the log.
"""


def starting_file() -> str:
    """The whole file; as settings it is SERVICE_SETTINGS and nothing else."""
    return "".join((_HEAD, *_sections()))


def _sections() -> Iterator[str]:
    by_name = {option.name: option for option in OPTIONS}
    for group in reversed(AgentConfig.__bases__):
        options = [by_name[one.name] for one in options_of(group) if not one.hidden]
        if options:
            title = (sys.modules[group.__module__].__doc__ or "").splitlines()[0]
            yield f"\n# --- {title.removeprefix('Options: ').rstrip('.')} ---\n"
            yield from map(_entry, options)


def _entry(option: Option) -> str:
    # Nothing at all is not the same as an empty text.
    default = "" if option.default is None else written(option.kind, option.default) or '""'
    value, why = SERVICE_SETTINGS.get(option.name, ("", ""))
    text = textwrap.fill(
        f"{option.text} {why}".strip(),
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    setting = f"{option.name}: {value}" if value else f"#{option.name}: {default}".rstrip()
    return f"\n{text}\n{setting}\n"
