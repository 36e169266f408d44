# SPDX-License-Identifier: Apache-2.0
"""All sources of settings in Tetragon's order: flags, environment, files; what is set wins.

Values are texts here, with their places; what they mean is in `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

from .drop_ins import drop_in_settings
from .environment import environment_settings, mistyped_variables
from .yaml_file import yaml_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .given import Given

__all__ = ["Collected", "Places", "collect"]

_CONFIG_DIR: Final = "config-dir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where files are looked for; the later ones win."""

    packaged: tuple[Path, ...] = (
        Path("/usr/lib/tetragon/tetragon.conf.d"),
        Path("/usr/local/lib/tetragon/tetragon.conf.d"),
    )
    files: tuple[Path, ...] = (Path("tetragon.yaml"), Path("/etc/tetragon/tetragon.yaml"))
    """Only the first of these that is there is read; Tetragon has this by accident."""
    admin: Path = Path("/etc/tetragon/tetragon.conf.d")


@dataclass(slots=True)
class Collected:
    """Every setting that counts, by name, and what happened on the way."""

    settings: dict[str, Given] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    """Files and directories, in their order."""
    warnings: list[str] = field(default_factory=list)


def collect(
    flags: Mapping[str, Given],
    environment: Mapping[str, str],
    names: Collection[str],
    places: Places,
) -> Collected:
    """`names`: options, to look for in the environment.

    Raises UsageError for a file that cannot be used, and for a config-dir that is not there.
    """
    found = Collected()
    for directory in places.packaged:
        _add_directory(found, directory)
    for path in places.files:
        if _is_file(path):
            found.read.append(str(path.absolute()))
            found.settings |= yaml_settings(path.absolute())
            break
    _add_directory(found, places.admin)
    stronger = environment_settings(environment, names) | dict(flags)
    chosen = stronger.get(_CONFIG_DIR) or found.settings.get(_CONFIG_DIR)
    if chosen is not None and chosen.text:
        _add_directory(found, Path(chosen.text), chosen.label)
        found.settings[_CONFIG_DIR] = chosen
    found.settings |= stronger
    found.warnings += mistyped_variables(environment, names)
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _add_directory(found: Collected, directory: Path, wanted_by: str = "") -> None:
    """One that nobody asked for may be missing."""
    try:
        found.settings |= drop_in_settings(directory, found.warnings)
    except OSError as error:
        if wanted_by:
            raise UsageError(f"{wanted_by}: cannot read {directory}: {error.strerror}") from error
        if not isinstance(error, FileNotFoundError):
            found.warnings.append(f"{directory} is not used: {error.strerror}")
        return
    found.read.append(str(directory))
