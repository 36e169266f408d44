# SPDX-License-Identifier: Apache-2.0
"""One setting as somebody wrote it, and where: what messages about it begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..config.kinds import Kind

__all__ = ["Given"]


@dataclass(frozen=True, slots=True)
class Given:
    """Name and texts of a setting. More than one text: a list in YAML, or a flag given again."""

    name: str
    texts: tuple[str, ...]
    place: str
    """`--rb-size`, `TETRAGON_RB_SIZE`, or a file with its line if it has several settings."""

    @property
    def text(self) -> str:
        """All of it as one text, for a setting without a kind."""
        return ",".join(self.texts)

    @property
    def label(self) -> str:
        """What a message about it begins with: setting and place."""
        if self.place.startswith(("-", "TETRAGON_")):
            return self.place
        return f"{self.name} in {self.place}"

    def value(self, kind: Kind, default: Any) -> Any:  # noqa: ANN401  # of the option's type
        """Parsed; `default` for an empty text that cannot be a value. Raises ValueError."""
        if kind.is_list:
            return sum(
                (kind.parse(one) for text in self.texts for one in self._split(text, kind)), ()
            )
        if len(self.texts) != 1:
            raise ValueError(f"{len(self.texts)} values where one is wanted")
        try:
            return kind.parse(self.texts[0])
        except ValueError:
            if not self.texts[0] and not self._is_flag:
                return default
            raise

    @property
    def _is_flag(self) -> bool:
        return self.place.startswith("-")

    def _split(self, text: str, kind: Kind) -> list[str]:
        """In files and the environment one text may hold a whole list.

        Values with commas stand on lines of their own; words may have blanks for commas, as
        Tetragon has it there.
        """
        if self._is_flag:
            return [text]
        if kind.name == "words" and "," not in text:
            return text.split()
        return [line.strip() for line in text.splitlines()]
