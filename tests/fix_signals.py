# SPDX-License-Identifier: Apache-2.0
"""Programs under test obey Ctrl-C even where the test run itself was started to ignore it.

A shell starts background jobs with SIGINT ignored, and what is ignored is inherited.
"""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """A signal with a handler here is back at its default in every program that is started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
