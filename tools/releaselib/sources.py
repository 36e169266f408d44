# SPDX-License-Identifier: Apache-2.0
"""Whether the sources may become a release: committed, with one version, and described."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ReleaseError", "Sources", "changes_of", "check"]

_VERSION: Final = re.compile(r'(?m)^(?:__)?version(?:__)? = "(.*)"$')


class ReleaseError(Exception):
    """The sources are not those of a release; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is checked out."""

    changed: Sequence[str]
    """Files that are not as they are committed, or are in no commit."""
    tags: Sequence[str]
    """Of the commit."""
    version_files: Mapping[str, str]
    """Text of each file that states the version, by name."""
    changelog: str


def check(sources: Sources) -> str:
    """The version to release. Raises ReleaseError."""
    if sources.changed:
        raise ReleaseError(
            f"{len(sources.changed)} files are not committed ({', '.join(sources.changed[:3])}); "
            "release a clean checkout"
        )
    stated = {name: _VERSION.findall(text) for name, text in sources.version_files.items()}
    versions = sorted({version for found in stated.values() for version in found})
    if len(versions) != 1 or not all(stated.values()):
        raise ReleaseError(
            f"the files state the versions {', '.join(versions)}; run: tools/bump_version.py X.Y.Z"
        )
    version = str(versions[0])
    tags = [tag for tag in sources.tags if tag.startswith("v")]
    if tags and f"v{version}" not in tags:
        raise ReleaseError(
            f"the commit has the tag {tags[0]} and the version {version}; run "
            f"tools/bump_version.py {tags[0][1:]}, commit, and move the tag"
        )
    changes_of(sources.changelog, version)
    return version


def changes_of(changelog: str, version: str) -> str:
    """What the changelog says of a version, without its heading. Raises ReleaseError."""
    sections = re.split(r"(?m)^## ", changelog)[1:]
    for section in sections:
        heading, _, text = section.partition("\n")
        if heading.split()[0].strip("[]").removeprefix("v") == version:
            if not text.strip():
                raise ReleaseError(f"CHANGELOG.md says nothing below the heading of {version}")
            return text.strip()
    raise ReleaseError(
        f'CHANGELOG.md has no section "## {version}"; give the one of what is unreleased that name'
    )
