# SPDX-License-Identifier: Apache-2.0
"""The `flags` text of the API: words in a fixed order."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .messages import ExecFlag

__all__ = ["exec_flags", "forked_flags", "scanned_flags"]

_EXEC_WORDS: Final = (
    (ExecFlag.ERROR_ENVIRON, "errorEnvs"),
    (ExecFlag.TRUNCATED_ARGS, "truncArgs"),
    (ExecFlag.TRUNCATED_ENVIRON, "truncEnvs"),
    (ExecFlag.ERROR_FILENAME, "errorFilename"),
    (ExecFlag.ERROR_ARGS, "errorArgs"),
    (ExecFlag.ERROR_CWD, "errorCWD"),
    (ExecFlag.FIRST, "clone"),
    (ExecFlag.ERROR_CGROUP, "errorCgroups"),
    (ExecFlag.PARTIAL_CWD, "errorPathResolutionCwd"),
)

_ORDER: Final = (
    "execve",
    "procFS",
    "errorEnvs",
    "truncArgs",
    "truncEnvs",
    "miss",
    "errorFilename",
    "errorArgs",
    "rootcwd",
    "errorCWD",
    "clone",
    "errorCgroups",
    "errorPathResolutionCwd",
    "inInitTree",
)


def _text(words: set[str]) -> str:
    return " ".join(word for word in _ORDER if word in words)


def _marks(*, root_cwd: bool, parent_missing: bool, in_init_tree: bool) -> set[str]:
    marks = ((root_cwd, "rootcwd"), (parent_missing, "miss"), (in_init_tree, "inInitTree"))
    return {word for is_set, word in marks if is_set}


# A host uses a handful of combinations; the bound is for the hostile one.
@lru_cache(maxsize=1024)
def exec_flags(flags: int, root_cwd: bool, parent_missing: bool, in_init_tree: bool) -> str:  # noqa: FBT001  positional: half the cost of a cached call
    """Flags of an image the stream reported; `flags` are bits of ExecFlag."""
    words = _marks(root_cwd=root_cwd, parent_missing=parent_missing, in_init_tree=in_init_tree)
    return _text(words | {"execve"} | {word for bit, word in _EXEC_WORDS if flags & bit})


def scanned_flags(
    *, cwd: str | None, parent_missing: bool, in_init_tree: bool, flags: int = 0
) -> str:
    """Flags of a process found in /proc; `cwd` None means it could not be read.

    Clients know an unreadable directory there as "rootcwd errorCWD".
    """
    words = _marks(
        root_cwd=cwd in {None, "/"}, parent_missing=parent_missing, in_init_tree=in_init_tree
    )
    words |= {"procFS"} | {word for bit, word in _EXEC_WORDS if flags & bit}
    return _text(words | ({"errorCWD"} if cwd is None else set()))


def forked_flags(*, in_init_tree: bool) -> str:
    """Flags of a child that has not called exec.

    It reads "execve" all the same: upstream uses one bit for both, and that is what clients see.
    """
    return "execve inInitTree" if in_init_tree else "execve"
