# SPDX-License-Identifier: Apache-2.0
"""The agent's signals, from its first moment on. What ends or changes then is not known here."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["held_back_stop_signals", "stop_signal"]

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_SIGNALS: Final = (*_STOP_SIGNALS, signal.SIGHUP)


@contextmanager
def held_back_stop_signals() -> Iterator[None]:
    """Until the loop handles them, signals wait: one during the start must not be lost.

    SIGTERM and SIGHUP would end the process with its files left behind, and a KeyboardInterrupt
    that comes up in a callback of libbpf never gets out of it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def stop_signal(on_hangup: Callable[[], None]) -> asyncio.Event:
    """Set by SIGTERM and SIGINT; SIGHUP (also: the terminal closed) calls `on_hangup`."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return stopped
