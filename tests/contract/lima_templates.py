# SPDX-License-Identifier: Apache-2.0
"""Lima's template format as far as lima/ uses it: which keys there are, and how a base is merged.

Facts are of Lima 1.1.0, the oldest version that the templates ask for, checked against 2.2.0:
pkg/limayaml/limayaml.go (since 2.0 pkg/limatype/lima_yaml.go) for keys and their types,
pkg/limayaml/validate.go for what values mean, pkg/limatmpl/embed.go for merging.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Final

import yaml

__all__ = ["TEMPLATES", "Template", "merged", "read", "wrong_keys"]

LIMA: Final = Path(__file__).parents[2] / "lima"
TEMPLATES: Final = tuple(sorted(path.name for path in LIMA.glob("*.yaml")))

Template = dict[str, object]

_FILE: Final = {"location": str, "arch": str, "digest": str}
_KEYS: Final[dict[str, object]] = {
    "minimumLimaVersion": str,
    "base": str,
    "images": [_FILE],
    "mountTypesUnsupported": [str],
    "cpus": int,
    "memory": str,
    "disk": str,
    "param": dict,
    "mounts": [{"location": str, "mountPoint": str, "writable": bool}],
    "containerd": {"system": bool, "user": bool},
    "provision": [{"mode": str, "script": str, "file": str, "path": str, "permissions": str}],
    # `file` is a key too, but Lima 2.0 to 2.2 do not read it (embedAllScripts in embed.go).
    "probes": [{"mode": str, "description": str, "script": str, "hint": str}],
    "portForwards": [
        {"guestSocket": str, "hostSocket": str, "guestPort": int, "hostPort": int, "ignore": bool}
    ],
    "copyToHost": [{"guest": str, "host": str, "deleteOnStop": bool}],
    "message": str,
}
_PREPENDED: Final = frozenset({"provision", "probes"})


def read(name: str) -> Template:
    """The template of that file name, as it is written."""
    template = yaml.safe_load((LIMA / name).read_text())
    assert isinstance(template, dict)
    return template


def wrong_keys(value: object, wanted: object = _KEYS, place: str = "") -> list[str]:
    """Places whose key is unknown or whose value is of another type."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return [
            problem
            for key, one in value.items()
            for problem in (
                wrong_keys(one, wanted[key], f"{place}.{key}")
                if key in wanted
                else [f"{place}.{key} is no key"]
            )
        ]
    if isinstance(wanted, list) and isinstance(value, list):
        return [
            problem
            for number, one in enumerate(value)
            for problem in wrong_keys(one, wanted[0], f"{place}[{number}]")
        ]
    is_right = isinstance(wanted, type) and type(value) is wanted
    return [] if is_right else [f"{place} is {value!r}"]


def merged(name: str) -> Template:
    """The template with its base: what it says itself wins, lists of both are joined."""
    template = read(name)
    base = template.pop("base", None)
    if base is None:
        return template
    assert isinstance(base, str)
    return _merge(template, merged(base), "")


def _merge(own: Template, base: Template, place: str) -> Template:
    result = deepcopy(own)
    for key, value in base.items():
        mine = result.get(key)
        if mine is None:
            result[key] = value
        elif isinstance(mine, dict) and isinstance(value, dict):
            result[key] = _merge(mine, value, f"{place}{key}.")
        elif isinstance(mine, list) and isinstance(value, list):
            result[key] = value + mine if place + key in _PREPENDED else mine + value
    return result
