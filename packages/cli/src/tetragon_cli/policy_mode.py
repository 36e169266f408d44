# SPDX-License-Identifier: Apache-2.0
"""The mode of a policy, written into its YAML. Nothing else of the policy is understood here."""

from __future__ import annotations

from typing import Any

import yaml

from tetragon_core.errors import UsageError

__all__ = ["with_mode"]

_NAME = "policy-mode"


def with_mode(text: str, mode: str) -> str:
    """`text` with option `policy-mode` set; comments get lost. Raises UsageError for other YAML."""
    try:
        policy: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"no YAML: {error}") from error
    spec = policy.get("spec") if isinstance(policy, dict) else None
    if not isinstance(spec, dict):
        raise UsageError("no policy: spec is missing")
    given = spec.get("options") or []
    others = [one for one in given if not (isinstance(one, dict) and one.get("name") == _NAME)]
    spec["options"] = [*others, {"name": _NAME, "value": mode}]
    written: str = yaml.safe_dump(policy, indent=4, sort_keys=False, allow_unicode=True)
    return written
