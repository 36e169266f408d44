# SPDX-License-Identifier: Apache-2.0
"""Entry point of the one executable: runs a command and turns errors into exit codes.

`hook` and plain `version` are called often and by other programs, so they run without click and
gRPC, whose import takes longer than the commands.
"""

from __future__ import annotations

import errno
import os
import sys

from tetragon_core.errors import TetragonError
from tetragon_core.streams import open_missing_streams

__all__ = ["main"]

_INTERRUPTED = 130
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_PLAIN_VERSION = (["version"], ["--version"], ["version", "-b"], ["version", "--build"])


def main() -> int:
    """Run the command of sys.argv; return the exit code."""
    open_missing_streams()
    try:
        return _run(sys.argv[1:])
    except TetragonError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader has gone.
        _discard_output()
        return 0
    except OSError as error:
        if error.errno not in _WRITE_ERRORS:
            raise
        _discard_output()
        return _fail(f"cannot write to standard output: {error.strerror}", 1)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _discard_output() -> None:
    """What is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: list[str]) -> int:
    """Take the short way where there is one."""
    if words[:1] == ["hook"]:
        from .hook import is_management, run_hook  # noqa: PLC0415  # see the module's docstring

        if not is_management(words[1:]):
            return run_hook(words[1:])
    if words in _PLAIN_VERSION:
        from .version_text import client_version  # noqa: PLC0415  # see the module's docstring

        sys.stdout.write(client_version(with_build=len(words) > 1))
        sys.stdout.flush()
        return 0
    return _run_click(words)


def _run_click(words: list[str]) -> int:
    """Run a click command; its exceptions become one line too."""
    # gRPC reads it when it is imported; what it would log, about certificates, we tell.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import click  # noqa: PLC0415  # see the module's docstring

    from .group import PROGRAM, root  # noqa: PLC0415  # see the module's docstring

    try:
        code = root.main(args=words or ["--help"], prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return _INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        # A command that only has subcommands; to ask what they are is no error.
        sys.stdout.write(f"{error.ctx.get_help()}\n")
        sys.stdout.flush()
        return 0
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    """Say what went wrong in one line."""
    sys.stderr.write(f"Error: {' '.join(message.splitlines())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
