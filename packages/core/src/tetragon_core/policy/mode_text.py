# SPDX-License-Identifier: Apache-2.0
"""The mode of a policy, written into its YAML. Nothing else of the policy is understood here."""

from __future__ import annotations

from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..enforcement import MODE_OPTION
from ..errors import UsageError

__all__ = ["with_mode"]

_INDENT: Final = 4
_TEXT: Final = "tag:yaml.org,2002:str"
_LIST: Final = "tag:yaml.org,2002:seq"
_MAP: Final = "tag:yaml.org,2002:map"


def with_mode(text: str, mode: str) -> str:
    """`text` with option `policy-mode` set. Values stay as they were written, comments get lost.

    Raises UsageError for what is no policy.
    """
    try:
        policy = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise UsageError(f"no YAML: {error}") from error
    spec = _value(policy, "spec")
    if not isinstance(spec, MappingNode):
        raise UsageError("no policy: spec is missing")
    given = _value(spec, "options")
    others = given.value if isinstance(given, SequenceNode) else []
    kept = [one for one in others if not _is_mode(one)]
    options = SequenceNode(_LIST, [*kept, _option(mode)], flow_style=False)
    pairs = [pair for pair in spec.value if pair[1] is not given]
    spec.value = [*pairs, (_text("options"), options)]
    written: str = yaml.serialize(policy, indent=_INDENT, allow_unicode=True)
    return written


def _value(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _is_mode(option: Node) -> bool:
    name = _value(option, "name")
    return isinstance(name, ScalarNode) and name.value == MODE_OPTION


def _option(mode: str) -> Node:
    pairs = [(_text("name"), _text(MODE_OPTION)), (_text("value"), _text(mode))]
    return MappingNode(_MAP, pairs, flow_style=False)


def _text(value: str) -> Node:
    return ScalarNode(_TEXT, value)
