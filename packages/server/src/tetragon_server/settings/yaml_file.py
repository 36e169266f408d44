# SPDX-License-Identifier: Apache-2.0
"""Settings from a YAML file: one mapping of options to values.

A value is taken as it is written, so `0600`, `30s` and `8M` need no quotes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_core.errors import UsageError

from .given import Given

if TYPE_CHECKING:
    from pathlib import Path

    from yaml.nodes import Node

__all__ = ["yaml_settings"]


def yaml_settings(path: Path) -> dict[str, Given]:
    """By option; those without a value are left out. Raises UsageError with file and line."""
    from yaml.nodes import MappingNode, ScalarNode  # noqa: PLC0415  # most agents have no YAML file

    root = _root(path)
    if root is None:
        return {}
    if not isinstance(root, MappingNode):
        raise _error(path, root, "settings are written `option: value`, one on each line")
    settings: dict[str, Given] = {}
    for key, node in root.value:
        if not isinstance(key, ScalarNode):
            raise _error(path, key, "an option's name is a word")
        name = key.value.lower()
        if name in settings:
            raise _error(path, key, f"{name} is set twice; first at {settings[name].place}")
        texts = _texts(path, name, node)
        if texts is not None:
            settings[name] = Given(name, texts, f"{path}:{key.start_mark.line + 1}")
    return settings


def _root(path: Path) -> Node | None:
    from tetragon_core.policy.document import (  # noqa: PLC0415  # loads pyyaml, as above
        compose_documents,
    )

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        message = f"no UTF-8 text: {error.reason} at byte {error.start}"
        raise UsageError(f"{path}: {message}") from error
    roots = compose_documents(text, str(path))
    if len(roots) > 1:
        raise _error(path, roots[1], "more than one document; write all settings into one")
    return roots[0] if roots else None


def _texts(path: Path, name: str, node: Node) -> tuple[str, ...] | None:
    """None for null, which is the same as no setting at all."""
    from yaml.nodes import ScalarNode, SequenceNode  # noqa: PLC0415  # as above

    if isinstance(node, ScalarNode):
        return None if node.tag.endswith(":null") else (node.value.strip(),)
    if isinstance(node, SequenceNode):
        if all(isinstance(one, ScalarNode) for one in node.value):
            return tuple(one.value.strip() for one in node.value)
        raise _error(path, node, f"{name} is a list of more than words; write it as text")
    raise _error(path, node, f"{name} is a mapping; write it as text, in quotes or after `|`")


def _error(path: Path, node: Node, message: str) -> UsageError:
    return UsageError(f"{path}:{node.start_mark.line + 1}: {message}")
