# SPDX-License-Identifier: Apache-2.0
"""`agent --generate-docs`: every option as YAML, with the keys of Tetragon's own such list."""

from __future__ import annotations

from ..config import OPTIONS
from ..config.ignored import IGNORED
from ..config.writing import written

__all__ = ["option_documents"]


def option_documents() -> str:
    """Options by name, with default and meaning."""
    import yaml  # noqa: PLC0415  # only for this

    ours = [
        {
            "name": option.name,
            **({"shorthand": option.short} if option.short else {}),
            "default_value": written(option.kind, option.default),
            "usage": option.text,
        }
        for option in OPTIONS
    ]
    ignored = [
        {"name": one.name, "default_value": one.default, "usage": f"No effect: {one.instead}."}
        for one in IGNORED
    ]
    tree = {
        "name": "tetragon-mini agent",
        "synopsis": "Run the agent on this host.",
        "usage": "tetragon-mini agent [flags]",
        "options": sorted([*ours, *ignored], key=lambda one: one["name"]),
    }
    return yaml.safe_dump(tree, sort_keys=False, width=1000, allow_unicode=True)
