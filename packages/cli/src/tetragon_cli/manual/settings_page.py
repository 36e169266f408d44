# SPDX-License-Identifier: Apache-2.0
"""tetragon.yaml(5): every setting of the agent, from its options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_server.config.grouping import option_groups
from tetragon_server.config.writing import written

if TYPE_CHECKING:
    from tetragon_server.config import Option

    from .roff import RoffText

__all__ = ["SETTINGS_NAME", "write_settings"]

SETTINGS_NAME: Final = "tetragon.yaml"
_ABOUT: Final = """\
A file of lines such as log-level: debug. The agent reads ./tetragon.yaml or, where there is none,
/etc/tetragon/tetragon.yaml. The same names are options of the command line (--log-level debug),
variables (TETRAGON_LOG_LEVEL=debug), and files in the directories tetragon.conf.d, whose content
is the value.

What counts more comes first: command line, environment, --config-dir,
/etc/tetragon/tetragon.conf.d, this file, /usr/local/lib/tetragon/tetragon.conf.d,
/usr/lib/tetragon/tetragon.conf.d.

Sizes are written like 65536, 512K or 8M, durations like 30s or 5m. SIGHUP makes the agent read
everything again; settings marked with reload are then taken over at once."""


def write_settings(roff: RoffText) -> None:
    """All sections but the first and the last."""
    roff.heading("Description")
    roff.paragraphs(_ABOUT)
    roff.heading("Settings")
    for title, options in option_groups():
        shown = [option for option in options if not option.hidden]
        if shown:
            roff.subheading(title)
        for option in shown:
            roff.entry(f"{option.name}: {option.kind.name}", _text(option))


def _text(option: Option) -> str:
    default = written(option.kind, option.default)
    remarks = (option.text, f"Default: {default}." if default else "", "Reload." * option.reloads)
    return " ".join(filter(None, remarks))
