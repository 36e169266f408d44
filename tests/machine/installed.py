# SPDX-License-Identifier: Apache-2.0
"""The installed service in the machine, and what is asked of it: by commands that people type."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from machinelib.machine import Machine

__all__ = ["LISTING", "SETTINGS", "SLOW_S", "UNIT", "Installed"]

UNIT: Final = "tetragon-mini.service"
SETTINGS: Final = "/etc/tetragon/tetragon.yaml"
SLOW_S: Final = 300
"""For commands that start the agent: its emulated processor is shared with other machines'."""

LISTING: Final = """\
find / -xdev ! -path '/root/*' ! -path '/var/lib/dpkg/*' ! -path /var/log/dpkg.log | sort
"""
"""Every file, but for those that dpkg keeps for itself."""

# The client follows from some moment on; a process of ours tells that it does.
EVENTS: Final = """\
tetragon-mini getevents -o json >/run/seen 2>&1 &
client=$!
until grep -q machine-fence /run/seen; do
	/bin/true machine-fence
	kill -0 $client || { cat /run/seen; exit 1; }
	sleep 0.2
done
for word in WORDS; do /bin/true $word; done
until grep process_exit /run/seen | grep -q $word; do
	kill -0 $client || { cat /run/seen; exit 1; }
	sleep 0.2
done
kill $client
wait $client
echo events:
grep -F '"binary":"/bin/true"' /run/seen
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The service in a machine; it runs."""

    machine: Machine

    def shows(self, name: str) -> str:
        """A property of the unit."""
        return self.machine.output(f"systemctl show --value -p {name} {UNIT}").strip()

    def processes(self) -> str:
        """The one process of the agent."""
        return self.shows("MainPID")

    def journal(self) -> list[str]:
        """What the agent, and systemd about it, has said since the machine's start."""
        return self.machine.output(f"journalctl -u {UNIT} -o cat --no-pager").splitlines()

    def events_of(self, words: Iterable[str]) -> list[tuple[str, str]]:
        """Kind and argument of the events of programs that are started, one for each word."""
        script = EVENTS.replace("WORDS", " ".join(words))
        # The shell may have said before that the client was ended.
        lines = self.machine.output(script, timeout_s=SLOW_S).partition("events:\n")[2].splitlines()
        return [
            (kind, event[kind]["process"]["arguments"])
            for event in map(json.loads, lines)
            for kind in ("process_exec", "process_exit")
            if kind in event and event[kind]["process"]["arguments"].startswith("machine-test")
        ]
