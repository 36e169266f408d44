# SPDX-License-Identifier: Apache-2.0
"""The signals that end the agent, from its first moment on. What ends then is not known here."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["held_back_stop_signals", "stop_signal"]

_log = logging.getLogger(__name__)

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def held_back_stop_signals() -> Iterator[None]:
    """Until the loop handles them, stop signals wait: one during the start must not be lost.

    SIGTERM would end the process with its files left behind, and a KeyboardInterrupt that comes
    up in a callback of libbpf never gets out of it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM and SIGINT; SIGHUP (the terminal closed) does not end an agent."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, _log.info, "SIGHUP has no effect")
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    return stopped
