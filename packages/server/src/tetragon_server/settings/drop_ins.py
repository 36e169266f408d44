# SPDX-License-Identifier: Apache-2.0
"""Settings from a directory with a file for each: its name is the option, its content the value.

This is also what a mounted config map of Kubernetes looks like: links through `..data` to files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

from .given import Given

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PROTECTIVE", "drop_in_settings"]

_MAX_BYTES: Final = 1 << 20
"""As large as a config map can be."""
PROTECTIVE: Final = frozenset(
    {
        "export-allowlist",
        "export-denylist",
        "field-filters",
        "filter-environment-variables",
        "never-kill",
        "read-only",
        "redaction-filters",
        "reject-enforcement",
        "server-tls-cert-file",
        "server-tls-client-ca-files",
        "server-tls-key-file",
        "server-tls-require-client-cert",
    }
)
"""Without these more is shown, or allowed, than was wanted, so better the agent does not start."""


def drop_in_settings(directory: Path, warnings: list[str]) -> dict[str, Given]:
    """By option. Raises OSError for a directory that is not there or cannot be listed.

    Directories in it, and names that begin with a dot, are skipped; a file that cannot be read is
    noted in `warnings`, or for a PROTECTIVE option raises UsageError.
    """
    settings = {}
    for path in sorted(directory.iterdir()):
        if path.name.startswith("."):
            continue
        try:
            if path.is_dir():
                continue
            text = _read(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            if path.name.lower() in PROTECTIVE:
                raise UsageError(f"cannot read {path}: {reason}; mend or remove it") from error
            warnings.append(f"{path} is not used: {reason}")
            continue
        name = path.name.lower()
        settings[name] = Given(name, (text,), str(path))
    return settings


def _read(path: Path) -> str:
    """Raises OSError, and ValueError for what cannot be a setting."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("it is larger than 1 MiB")
    try:
        return content.decode().strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 text: {error.reason} at byte {error.start}") from error
