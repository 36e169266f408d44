# SPDX-License-Identifier: Apache-2.0
"""The C text of types and prototypes, as a kernel developer would write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .btf_types import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .btf_types import BtfTypes, Parameter, Type

__all__ = ["declaration", "prototype"]

_QUALIFIERS: Final = {Kind.CONST: "const", Kind.VOLATILE: "volatile", Kind.RESTRICT: "restrict"}
_KEYWORDS: Final = {
    Kind.STRUCT: "struct",
    Kind.UNION: "union",
    Kind.ENUM: "enum",
    Kind.ENUM64: "enum",
}
_INTEGERS: Final = {
    "_Bool": "bool",
    "long int": "long",
    "long unsigned int": "unsigned long",
    "long long int": "long long",
    "long long unsigned int": "unsigned long long",
    "short int": "short",
    "short unsigned int": "unsigned short",
}
"""The compiler's names of integers, and how people write them."""


def declaration(types: BtfTypes, type_id: int, name: str = "") -> str:
    """`struct file *file` for a type and a name, or the type alone when there is no name."""
    head = types.type(type_id)
    match head.kind:
        case Kind.PTR:
            target = types.skip_modifiers(head.size_or_type, typedefs=False)
            braced = target.kind in {Kind.ARRAY, Kind.FUNC_PROTO}
            return declaration(types, head.size_or_type, f"(*{name})" if braced else f"*{name}")
        case Kind.ARRAY:
            element, count = types.array(type_id)
            return declaration(types, element, f"{name}[{count or ''}]")
        case Kind.FUNC_PROTO:
            inside = _parameter_list(types, types.parameters(type_id))
            return declaration(types, head.size_or_type, f"{name}({inside})")
        case Kind.CONST | Kind.VOLATILE | Kind.RESTRICT:
            return _qualified(types, head, name)
        case Kind.TYPE_TAG:
            return declaration(types, head.size_or_type, name)
        case _:
            return _joined(_base_name(head), name)


def _qualified(types: BtfTypes, head: Type, name: str) -> str:
    word = _QUALIFIERS[head.kind]
    if types.skip_modifiers(head.type_id, typedefs=False).kind is Kind.PTR:
        return declaration(types, head.size_or_type, f"{word} {name}".rstrip())
    return f"{word} {declaration(types, head.size_or_type, name)}"


def _joined(base: str, name: str) -> str:
    if not name:
        return base
    return f"{base}{name}" if name.startswith("[") else f"{base} {name}"


def _base_name(head: Type) -> str:
    if head.kind is Kind.FWD:
        return f"{'union' if head.flag else 'struct'} {head.name}"
    keyword = _KEYWORDS.get(head.kind)
    if keyword:
        return f"{keyword} {head.name or '{…}'}"
    return _INTEGERS.get(head.name, head.name)


def _parameter_list(types: BtfTypes, parameters: Iterable[Parameter]) -> str:
    texts = [
        "..." if each.type_id == 0 else declaration(types, each.type_id, each.name)
        for each in parameters
    ]
    return ", ".join(texts) or "void"


def prototype(
    types: BtfTypes, name: str, return_type_id: int, parameters: Iterable[Parameter]
) -> str:
    """`int security_file_permission(struct file *file, int mask)`."""
    inside = _parameter_list(types, parameters)
    return declaration(types, return_type_id, f"{name}({inside})")
