# SPDX-License-Identifier: Apache-2.0
"""What an option of the agent is: a field's default, kind and meaning, in one place.

The command line, the environment, files and documents are all made from these. Where values come
from is not known here.

The classes of groups get no methods from `dataclass`, since AgentConfig has its own: making them
took a fifth of the time in which this package is imported.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from .kinds import FLAG, TEXT

if TYPE_CHECKING:
    from .kinds import Kind

__all__ = ["Option", "option", "options_of"]

_KEY: Final = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option; its name is the field's with `-` for `_`."""

    name: str
    default: Any
    kind: Kind
    text: str
    """What it is for, in one line; ends with a full stop."""
    reloads: bool
    """A new value is taken over on SIGHUP."""
    is_ours: bool
    """Tetragon has no such option."""
    hidden: bool
    short: str
    """One letter that may stand for it on the command line; or nothing."""
    differs: str
    """How it is unlike Tetragon's option of this name, and why; nothing if it is not."""

    @property
    def field_name(self) -> str:
        """The attribute of AgentConfig."""
        return self.name.replace("-", "_")


def option(  # one parameter for each property of an option
    default: Any,  # noqa: ANN401  # a value of the field's type
    text: str,
    kind: Kind | None = None,
    *,
    reloads: bool = False,
    is_ours: bool = False,
    hidden: bool = False,
    short: str = "",
    differs: str = "",
) -> Any:  # noqa: ANN401  # dataclasses.field says the same
    """A field of AgentConfig that users can set. `kind`: by default text, or a flag for a bool."""
    chosen = kind or (FLAG if isinstance(default, bool) else TEXT)
    properties = {
        "kind": chosen,
        "text": text,
        "reloads": reloads,
        "is_ours": is_ours,
        "hidden": hidden,
        "short": short,
        "differs": differs,
    }
    return field(default=default, metadata={_KEY: properties})


def options_of(config_class: type) -> tuple[Option, ...]:
    """Every option among the fields of `config_class`, in their order."""
    return tuple(_option(one) for one in fields(config_class) if _KEY in one.metadata)


def _option(one: Field[Any]) -> Option:
    return Option(name=one.name.replace("_", "-"), default=one.default, **one.metadata[_KEY])
