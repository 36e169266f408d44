# SPDX-License-Identifier: Apache-2.0
"""What must not leave the machine in a bug report: environments of processes, and passwords.

Arguments of processes are those of events: what --redaction-filters hide there is hidden here too,
and so is what follows an option that is named like a secret.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["HIDDEN", "settings_text", "without_private", "without_secrets"]

HIDDEN: Final = "*****"
_PRIVATE: Final = frozenset({"environment_variables", "environmentVariables", "argv"})
_WORDS: Final = "token|secret|password|passwd|headers|credential|api[-_]?key"
_SECRET: Final = re.compile(rf"(?i){_WORDS}")
_ARGUMENT: Final = re.compile(rf"(?i)(--?[\w-]*(?:{_WORDS})[\w-]*[= ])(?:\"[^\"]*\"|\S+)")
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s\"']+@")
_PAIR: Final = re.compile(r"^([ \t]*[\"']?([\w.-]+)[\"']?[ \t]*[:=][ \t]*).*$", re.MULTILINE)


def without_private(lines: bytes) -> tuple[bytes, int]:
    """JSON lines of events without what is private, and how many were no JSON and left out."""
    kept, left_out = [], 0
    for line in lines.splitlines():
        try:
            kept.append(json.dumps(_stripped(json.loads(line)), separators=(",", ":")))
        except (ValueError, RecursionError):
            left_out += 1
    return "".join(f"{line}\n" for line in kept).encode(), left_out


def _stripped(value: Any) -> Any:  # noqa: ANN401  # what json.loads() returns
    if isinstance(value, dict):
        return {
            key: _ARGUMENT.sub(rf"\1{HIDDEN}", one)
            if key == "arguments" and isinstance(one, str)
            else _stripped(one)
            for key, one in value.items()
            if key not in _PRIVATE
        }
    return [_stripped(one) for one in value] if isinstance(value, list) else value


def without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings by name; the values of those that hold secrets are hidden."""
    return {
        key: HIDDEN if _SECRET.search(key) and value else _without_user_info(value)
        for key, value in settings.items()
    }


def _without_user_info(value: Any) -> Any:  # noqa: ANN401  # as above
    return _USER_INFO.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value


def settings_text(name: str, text: str) -> str:
    """A settings file, YAML or a single value of the file's name, with secrets hidden."""
    if _SECRET.search(name):
        return f"{HIDDEN}\n"
    hidden = _PAIR.sub(_hidden_pair, _hidden_blocks(text))
    return _USER_INFO.sub(f"{HIDDEN}@", hidden)


def _hidden_pair(found: re.Match[str]) -> str:
    return f"{found[1]}{HIDDEN}" if _SECRET.search(found[2]) else found[0]


def _hidden_blocks(text: str) -> str:
    """Leave out what is indented below the name of a secret, such as the items of a list."""
    kept, secret_indent = [], -1
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip(" -"))
        if 0 <= secret_indent < indent:
            continue
        pair = _PAIR.match(line)
        secret_indent = indent if pair is not None and _SECRET.search(pair[2]) else -1
        kept.append(line)
    return "".join(kept)
