# SPDX-License-Identifier: Apache-2.0
"""How a process ended: wait status to exit code and signal name."""

from __future__ import annotations

from typing import Final

__all__ = ["SIGNAL_NAMES", "exit_status"]

# Spelled out: names must be those of Linux on every machine that decodes, with the API's choice
# between synonyms (SIGIO, not SIGPOLL). Real-time signals (32 and up) have none.
SIGNAL_NAMES: Final = (
    "",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
)

_SIGNAL_MASK: Final = 0x7F  # bit 0x80 says that core was dumped


def exit_status(code: int) -> tuple[int, str]:
    """Split a wait status into exit code and signal name; a killed process has exit code 0."""
    signal = code & _SIGNAL_MASK
    if not signal:
        return code >> 8 & 0xFF, ""
    return 0, SIGNAL_NAMES[signal] if signal < len(SIGNAL_NAMES) else ""
