# SPDX-License-Identifier: Apache-2.0
"""What has to become of an act: that the process is killed, or the act denied, or neither."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Final

from kernel import surroundings as around

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["allowed", "denied", "ended", "killed", "run_as"]

_PERL: Final = "/usr/bin/perl"


def ended(action: Callable[[], object]) -> int:
    """How a child that runs `action` ends, as waitpid() says; 0: well."""
    pid = os.fork()
    if not pid:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def killed(action: Callable[[], object]) -> Callable[[], None]:
    """It has to end by SIGKILL, in a child."""

    def act() -> None:
        status = ended(action)
        assert status == signal.SIGKILL, f"ended with status {status}"

    return act


def denied(action: Callable[[], object], error: int = errno.EPERM) -> Callable[[], None]:
    """It has to fail with this error, in a child."""

    def act() -> None:
        code = os.waitstatus_to_exitcode(ended(action))
        assert code == error, f"ended with {code}"

    return act


def allowed(action: Callable[[], object]) -> Callable[[], None]:
    """It has to succeed, in a child."""
    return denied(action, 0)


def run_as(program: str, script: str, *arguments: str) -> None:
    """Run a Perl script in a process whose executable has another name; ends this one."""
    around.seen_as(program, _PERL)  # type: ignore[arg-type]  # any text will do
    os.execv(program, [program, "-e", script, *arguments])
