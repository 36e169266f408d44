# SPDX-License-Identifier: Apache-2.0
"""CRI-O and podman read hooks from a folder of JSON files, version 1.0.0 (oci-hooks(5))."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .files import content_of
from .place import PROGRAM, Change, Place
from .settings import toml_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FOLDERS", "hook_file", "plan", "problem"]

FOLDERS: Final = {
    "crio": Path("/usr/share/containers/oci/hooks.d"),
    "podman": Path("/etc/containers/oci/hooks.d"),
}
"""Podman reads both; CRI-O reads the second only when it is told to."""
_SETTINGS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "crio": ("crio.runtime", ("/etc/crio/crio.conf", "/etc/crio/crio.conf.d/*.conf")),
    "podman": (
        "engine",
        (
            "/usr/share/containers/containers.conf",
            "/etc/containers/containers.conf",
            "/etc/containers/containers.conf.d/*.conf",
        ),
    ),
}


def hook_file(command: Sequence[str]) -> bytes:
    """The JSON that makes a runtime start `command` for every container."""
    content = {
        "version": "1.0.0",
        "hook": {"path": command[0], "args": list(command)},
        "when": {"always": True},
        "stages": ["createRuntime"],
    }
    return f"{json.dumps(content, indent=3)}\n".encode()


def plan(runtime: str, place: Place) -> list[Change]:
    """One file in the runtime's folder."""
    path = (place.config_file or FOLDERS[runtime]) / f"{PROGRAM}.json"
    content = hook_file(place.command("createRuntime"))
    return [Change(path=path, before=content_of(place, path), after=content)]


def problem(runtime: str, place: Place) -> str:
    """Why the runtime does not read the folder, as far as its settings tell; empty if it does."""
    folder = str(place.config_file or FOLDERS[runtime])
    table, patterns = _SETTINGS[runtime]
    found = toml_value(place, patterns, f"{table}.hooks_dir")
    if isinstance(found, list) and folder not in found:
        return f"{runtime}'s settings have hooks_dir = {found}, which is not {folder}"
    return ""
