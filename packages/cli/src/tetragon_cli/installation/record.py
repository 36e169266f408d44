# SPDX-License-Identifier: Apache-2.0
"""What an installation has put in place, in a file: uninstall removes that and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.errors import TetragonError

from .layout import RECORD

if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["Record"]

_FORMAT: Final = 1


@dataclass(slots=True, kw_only=True)
class Record:
    """Paths are as the host sees them."""

    version: str = ""
    """Of the executable that wrote it."""
    prefix: Path = Path("/usr/local")
    marks: dict[Path, str] = field(default_factory=dict)
    """Of each file and link as it was written; of settings, as the defaults were."""
    settings: set[Path] = field(default_factory=set)
    """Files that administrators change."""
    trees: set[Path] = field(default_factory=set)
    """Folders that are replaced as a whole."""
    folders: set[Path] = field(default_factory=set)
    """Folders that were not there before."""
    hooks: tuple[str, ...] = ()
    """Runtimes that got the OCI hook."""

    @classmethod
    def read(cls, layout: Layout) -> Record | None:
        """None when nothing is installed. Raises TetragonError for one that cannot be used."""
        path = layout.seen(RECORD)
        try:
            content = json.loads(path.read_bytes())
            if content["format"] != _FORMAT:
                raise TetragonError(
                    f"{path} was written by version {content['version']}, whose form this one does"
                    " not know: use that version"
                )
            return cls._of(content)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TetragonError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TetragonError(
                f"{path} is damaged: move it away, and the files it names, then install again"
            ) from error

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Record:
        paths = {name: {Path(one) for one in content[name]} for name in _PATHS}
        record = cls(
            version=str(content["version"]),
            prefix=Path(content["prefix"]),
            marks={Path(path): str(mark) for path, mark in content["marks"].items()},
            hooks=tuple(str(one) for one in content["hooks"]),
            **paths,
        )
        if not all(path.is_absolute() and ".." not in path.parts for path in record.paths()):
            raise ValueError("a path is not absolute")
        return record

    def paths(self) -> set[Path]:
        """Everything that is named."""
        return {*self.marks, *self.trees, *self.folders}

    def content(self) -> bytes:
        """What `read` reads."""
        whole = {
            "format": _FORMAT,
            "version": self.version,
            "prefix": str(self.prefix),
            "hooks": list(self.hooks),
            **{name: sorted(map(str, getattr(self, name))) for name in _PATHS},
            "marks": {str(path): mark for path, mark in sorted(self.marks.items())},
        }
        return f"{json.dumps(whole, indent=1)}\n".encode()


_PATHS: Final = ("settings", "trees", "folders")
