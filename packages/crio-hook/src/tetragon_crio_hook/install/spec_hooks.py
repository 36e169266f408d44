# SPDX-License-Identifier: Apache-2.0
"""The hook within an OCI specification (config.json, or a base specification)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from .place import Place

__all__ = ["has_hook", "with_hook", "without_hook"]

_STAGE: Final = "createRuntime"


def with_hook(content: bytes, path: Path, place: Place) -> bytes:
    """The specification with the hook as its last of createRuntime, in place of an earlier one."""
    spec = _parsed(without_hook(content, path, place), path)
    hooks = spec.setdefault("hooks", {})
    stage = hooks.setdefault(_STAGE, []) if isinstance(hooks, dict) else None
    if not isinstance(stage, list):
        raise UsageError(f"{path}: hooks.{_STAGE} is no list")
    stage.append({"path": str(place.program), "args": place.command(_STAGE)})
    return _written(spec)


def without_hook(content: bytes, path: Path, place: Place) -> bytes:
    """The specification as it would be without it; unchanged when it has none."""
    spec = _parsed(content, path)
    if not _ours(spec, place):
        return content
    hooks = spec["hooks"]
    assert isinstance(hooks, dict)
    ours = _ours(spec, place)
    hooks[_STAGE] = [one for one in hooks[_STAGE] if one not in ours]
    if not hooks[_STAGE]:
        del hooks[_STAGE]
    if not hooks:
        del spec["hooks"]
    return _written(spec)


def has_hook(content: bytes, path: Path, place: Place) -> bool:
    """Whether it starts the program."""
    return bool(_ours(_parsed(content, path), place))


def _ours(spec: dict[str, object], place: Place) -> list[object]:
    hooks = spec.get("hooks")
    stage = hooks.get(_STAGE) if isinstance(hooks, dict) else None
    if not isinstance(stage, list):
        return []
    program = str(place.program)
    return [one for one in stage if isinstance(one, dict) and one.get("path") == program]


def _parsed(content: bytes, path: Path) -> dict[str, object]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: wanted a JSON object")
    return found


def _written(spec: dict[str, object]) -> bytes:
    return f"{json.dumps(spec, indent=4)}\n".encode()
