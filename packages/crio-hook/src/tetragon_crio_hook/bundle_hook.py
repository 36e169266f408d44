# SPDX-License-Identifier: Apache-2.0
"""Adds the hook to a container's config.json: what Docker's runtime wrapper calls before runc."""

from __future__ import annotations

import os

from tetragon_core.errors import TetragonError

from . import container_spec, json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["NAME", "add_to_bundle", "split_words"]

NAME: Final = "addToBundle"
_STAGE: Final = "createRuntime"
_BUNDLE: Final = ("--bundle", "-b")


def split_words(words: list[str]) -> tuple[list[str], list[str]]:
    """The hook's own words, and the runtime's after `--`."""
    if words[:1] != [NAME] or "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def add_to_bundle(program: str, flags: list[str], runtime_words: list[str]) -> None:
    """Add `program createRuntime flags` to the bundle that the runtime is told.

    Raises TetragonError when there is no specification, or it cannot be replaced.
    """
    bundle = os.path.abspath(_bundle_of(runtime_words))  # noqa: PTH100  # pathlib is slow
    spec = container_spec.find_spec(bundle, bundle)
    content = dict(spec.content)
    hooks = content.get("hooks")
    hooks = dict(hooks) if isinstance(hooks, dict) else {}
    stage = hooks.get(_STAGE)
    entry = {"path": program, "args": [program, _STAGE, *flags]}
    hooks[_STAGE] = [*(stage if isinstance(stage, list) else []), entry]
    content["hooks"] = hooks
    _replace(spec.path, json_text.dumps(content).encode())


def _bundle_of(words: list[str]) -> str:
    """As runc and crun read their words; the working directory without one."""
    for index, word in enumerate(words):
        if word in _BUNDLE and index + 1 < len(words):
            return words[index + 1]
        name, equals, value = word.partition("=")
        if equals and name in _BUNDLE:
            return value
    return "."


def _replace(path: str, data: bytes) -> None:
    """At once: the runtime sees either file."""
    temporary = f"{path}.{os.getpid()}"
    try:
        mode = os.stat(path).st_mode & 0o777  # noqa: PTH116  # pathlib is slow
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)
        os.rename(temporary, path)  # noqa: PTH104  # as above
    except OSError as error:
        raise TetragonError(f"cannot add the hook to {path}: {error.strerror}") from error
