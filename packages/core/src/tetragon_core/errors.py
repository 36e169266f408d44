# SPDX-License-Identifier: Apache-2.0
"""The exception tree. It holds no handling: the command line maps a class to an exit code.

TetragonError                 anything the user can act on; str() is one line saying what to do
├── UsageError                the request itself is wrong (bad option, bad file)
├── PermissionDeniedError     root or a capability is missing
├── UnsupportedKernelError    this kernel lacks something that is needed
├── LoadError                 the kernel refused a program, a map or an attachment
├── AlreadyRunningError       another agent runs on this host
└── ConnectionFailedError     the agent cannot be reached, or went away
"""

from __future__ import annotations

__all__ = [
    "AlreadyRunningError",
    "ConnectionFailedError",
    "LoadError",
    "PermissionDeniedError",
    "TetragonError",
    "UnsupportedKernelError",
    "UsageError",
]


class TetragonError(Exception):
    """An error the user can act on; the message is one line."""

    exit_code = 1


class UsageError(TetragonError):
    """The request itself is wrong: an option, a value or a file."""

    exit_code = 2


class PermissionDeniedError(TetragonError):
    """Root, or a capability, is missing."""

    exit_code = 77


class UnsupportedKernelError(TetragonError):
    """The kernel lacks something needed; the message says which version or option has it."""

    exit_code = 69


class LoadError(TetragonError):
    """The kernel refused a program, a map or an attachment.

    `log` is the verifier's own text, shown only on request.
    """

    exit_code = 70

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class AlreadyRunningError(TetragonError):
    """Another agent runs on this host."""

    exit_code = 73


class ConnectionFailedError(TetragonError):
    """The agent cannot be reached, or went away."""

    exit_code = 69
