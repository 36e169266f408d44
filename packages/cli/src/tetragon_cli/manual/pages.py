# SPDX-License-Identifier: Apache-2.0
"""The man pages: one of the program, one of each command that is shown, one of the settings."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core import __released__, __version__
from tetragon_core.exit_codes import exit_codes

from ..command_tree import CommandEntry, entries, own_options
from ..group import PROGRAM
from .roff import RoffText
from .settings_page import SETTINGS_NAME, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ManPage", "man_pages"]

_SOURCE: Final = f"{PROGRAM} {__version__}"
_SETTINGS: Final = (SETTINGS_NAME, 5)
_PROGRAM: Final = (PROGRAM, 1)
_FILES: Final = (
    ("/etc/tetragon/tetragon.yaml", "Settings of the agent."),
    ("/etc/tetragon/tetragon.tp.d", "Policies that the agent loads by itself."),
    ("/var/run/tetragon/tetragon.sock", "The agent's socket."),
    ("/var/run/tetragon/tetragon-info.json", "Where the agent listens; the client reads it."),
)


class ManPage(NamedTuple):
    """One page."""

    name: str
    section: int
    text: str
    """Roff, in ASCII."""

    @property
    def file_name(self) -> str:
        """As below share/man/manSECTION."""
        return f"{self.name}.{self.section}"


def man_pages() -> Iterator[ManPage]:
    """All pages, the same bytes for the same version."""
    shown = [entry for entry in entries() if not entry.is_hidden]
    commands = [entry for entry in shown if len(entry.words) == 1]
    yield _page(*_PROGRAM, _program(shown[0], commands))
    for entry in commands:
        inner = [one for one in shown if one.words[:1] == entry.words and one is not entry]
        yield _page(*_name(entry), _command(entry, inner))
    roff = _begun(*_SETTINGS, "settings of the agent")
    write_settings(roff)
    roff.see_also([_PROGRAM, (f"{PROGRAM}-agent", 8)])
    yield _page(*_SETTINGS, roff)


def _page(name: str, section: int, roff: RoffText) -> ManPage:
    return ManPage(name, section, roff.text())


def _begun(name: str, section: int, summary: str) -> RoffText:
    roff = RoffText(name, section, __released__, _SOURCE)
    roff.name(name, summary)
    return roff


def _name(entry: CommandEntry) -> tuple[str, int]:
    """Name and section; what only root can use is in 8."""
    return "-".join((PROGRAM, *entry.words)), 8 if "(needs root)" in entry.summary else 1


def _program(entry: CommandEntry, commands: list[CommandEntry]) -> RoffText:
    roff = _begun(*_PROGRAM, "what every process of this host does, from inside the kernel")
    roff.heading("Synopsis")
    roff.usage(entry.usage)
    roff.heading("Description")
    roff.paragraphs(_help(entry))
    roff.heading("Commands")
    for one in commands:
        roff.entry(", ".join((*one.words, *one.aliases)), one.summary)
    roff.heading("Options")
    roff.paragraphs(
        "They say how the agent is reached. Commands that talk to it take them too,"
        " so that they may stand before or behind a command."
    )
    _options(roff, entry)
    _exit_status(roff)
    roff.heading("Files")
    for path, text in _FILES:
        roff.entry(path, text)
    roff.see_also([*sorted(map(_name, commands)), _SETTINGS])
    return roff


def _command(entry: CommandEntry, inner: list[CommandEntry]) -> RoffText:
    name, section = _name(entry)
    roff = _begun(name, section, entry.summary.rstrip(".").removesuffix(" (needs root)"))
    roff.heading("Synopsis")
    roff.usage(entry.usage)
    roff.heading("Description")
    shorter = [f"Shorter: {PROGRAM} {alias}." for alias in entry.aliases]
    roff.paragraphs("\n\n".join((_help(entry), *shorter)))
    if own_options(entry):
        roff.heading("Options")
        _options(roff, entry)
    if inner:
        roff.heading("Commands")
    for one in inner:
        roff.subheading(one.usage)
        roff.paragraphs(_help(one))
        _options(roff, one)
    _exit_status(roff)
    more = [_SETTINGS] if entry.words == ("agent",) else []
    roff.see_also([_PROGRAM, *more])
    return roff


def _help(entry: CommandEntry) -> str:
    return inspect.cleandoc(entry.context.command.help or entry.summary).replace("\b\n", "")


def _options(roff: RoffText, entry: CommandEntry) -> None:
    for one in own_options(entry):
        roff.entry(one.names, one.text)


def _exit_status(roff: RoffText) -> None:
    roff.heading("Exit status")
    for code, text in exit_codes():
        roff.entry(str(code), text)
