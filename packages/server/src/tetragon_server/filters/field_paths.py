# SPDX-License-Identifier: Apache-2.0
"""Paths of fields, as a tree of names: `process.pid`, `args.label`. What is done there is not here.

They are Tetragon's: names in any spelling of the words (`exec_id`, `execId`) with dots between,
that reach through lists. Two surprises are kept: a member of a oneof has the oneof's name before
its own (`args.arg.int_arg`), and the longest path counts (`process,process.pid` is the pid alone).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import FilterError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import FieldDescriptor

    from .work import Work

__all__ = ["Paths", "read_paths"]


class Paths(dict[str, "Paths"]):
    """Names to the paths below them; none below: the whole field."""

    def below(self, field: FieldDescriptor) -> Paths | None:
        """The paths below a field; None when it is not named."""
        group = field.containing_oneof
        if group is None:
            return self.get(_spelling(field.name))
        members = self.get(_spelling(group.name))
        return members.get(_spelling(field.name)) if members else members


def read_paths(texts: Sequence[str], work: Work) -> Paths:
    """Raises FilterError for a path that no field can have."""
    work.add_values("field_filters", len(texts))
    root = Paths()
    for text in texts:
        work.add_expression("field_filters", text)
        at = root
        for name in text.split("."):
            if not name:
                raise FilterError(
                    f"field_filters: {quoted(text)} has an empty name; write names with dots"
                    " between, as in process.binary"
                )
            at = at.setdefault(_spelling(name), Paths())
    return root


def _spelling(name: str) -> str:
    """One for all ways to write a name."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))
