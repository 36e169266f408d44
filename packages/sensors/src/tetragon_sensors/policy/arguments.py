# SPDX-License-Identifier: Apache-2.0
"""Arguments of a policy against what the kernel has: types, prototypes, ways through structures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.policy.argument_types import allowed_operators
from tetragon_core.policy.expressions import parse_expression
from tetragon_core.policy.filter_values import check_filter_values
from tetragon_core.policy.problems import Problems, did_you_mean
from tetragon_sensors.kernel.btf import BtfError, Kind

from .expressions import MAX_WAITING, waiting_numbers
from .frames import COMMON_FIELDS, REGISTERS
from .plan import ArgumentPlan, Array, Source
from .record import HEADER_BYTES
from .types import ARGUMENT_TYPES, find_type
from .types.texts import String

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_core.policy.model import Argument, ArgumentFilter
    from tetragon_sensors.kernel.btf import Btf, Parameter
    from tetragon_sensors.kernel.tracefs import Event, Field

    from .types.base import ArgumentType

__all__ = [
    "check_filters",
    "lay_out",
    "plan_data",
    "plan_field",
    "plan_parameter",
    "plan_result",
]


def plan_parameter(
    argument: Argument,
    parameters: Sequence[Parameter] | None,
    prototype: str,
    btf: Btf,
    problems: Problems,
) -> ArgumentPlan | None:
    """An argument of a function; `parameters` are those of its prototype, None: not known."""
    kind = _type_of(argument, problems)
    if parameters is not None and argument.index >= len(parameters):
        problems.error(
            f"argument {argument.index} does not exist: {prototype or 'no prototype'} has "
            f"{len(parameters)}",
            argument.where,
        )
        return None
    if kind is None:
        return None
    plan = _plan(argument, kind)
    type_id = parameters[argument.index].type_id if parameters is not None else 0
    if argument.resolve:
        return _resolved(argument, plan, type_id, btf, problems)
    if kind.has_length and plan.size_index is None and parameters is not None:
        plan = replace(plan, size_index=_length_after(argument.index, parameters))
    if type_id and not argument.btf_type:
        _compare(argument, kind, type_id, prototype, btf, problems)
    return plan


def _length_after(index: int, parameters: Sequence[Parameter]) -> int | None:
    """The parameter behind that one, if it is called as lengths of addresses are."""
    following = parameters[index + 1] if index + 1 < len(parameters) else None
    is_length = following is not None and following.name.replace("_", "") in _LENGTHS
    return index + 1 if is_length else None


_LENGTHS: Final = frozenset({"addrlen", "sockaddrlen", "addresslen", "namelen"})


def plan_result(argument: Argument, problems: Problems) -> ArgumentPlan | None:
    """The `returnArg`."""
    kind = _type_of(argument, problems)
    return _plan(argument, kind, source=Source.RESULT) if kind else None


def plan_data(argument: Argument, btf: Btf, problems: Problems) -> ArgumentPlan | None:
    """One of `data`: of the running task or out of the registers."""
    kind = _type_of(argument, problems)
    if kind is None:
        return None
    if argument.source == "current_task":
        plan = _plan(argument, kind, source=Source.CURRENT_TASK)
        start = btf.struct("task_struct")
        return _resolved(argument, plan, start, btf, problems)
    found = REGISTERS.names.get(argument.resolve)
    if found is None:
        near = did_you_mean(argument.resolve, REGISTERS.names)
        problems.error(f'no register is called "{argument.resolve}"{near}', argument.where)
        return None
    plan = _plan(argument, kind, source=Source.REGISTER)
    return replace(plan, register_offset=found[0], register_bytes=found[1])


def plan_field(argument: Argument, event: Event, problems: Problems) -> ArgumentPlan | None:
    """A field of a tracepoint; its index counts the common fields too."""
    position = argument.index - COMMON_FIELDS
    count = COMMON_FIELDS + len(event.fields)
    if position < 0 or position >= len(event.fields):
        names = ", ".join(
            f"{number + COMMON_FIELDS} {field.name}" for number, field in enumerate(event.fields)
        )
        problems.error(
            f"{event.subsystem}/{event.name} has no field {argument.index} that can be read "
            f"({count} fields with the common ones; those with a value: {names})",
            argument.where,
        )
        return None
    field = event.fields[position]
    name = argument.type
    if name in {"", "auto"}:
        name = _derived(field, sized=bool(argument.size_arg_index))
        if not name:
            problems.error(
                f"the type of field {field.name} ({field.type_text}) cannot be derived: "
                "write it in place of auto",
                argument.where,
            )
            return None
    if name == "string" and field.is_data_loc:
        name = "data_loc"  # what is there is no address
    kind = _type_of(replace(argument, type=name), problems)
    if kind is None:
        return None
    plan = _plan(replace(argument, type=name), kind)
    if field.is_array:
        plan = replace(plan, array=_array(field))
    if plan.size_index is not None:
        # positions in the format file too, and counted from 1
        plan = replace(plan, size_index=argument.size_arg_index - 1)
    return plan


def lay_out(
    arguments: Iterable[ArgumentPlan], result: ArgumentPlan | None
) -> tuple[tuple[ArgumentPlan, ...], ArgumentPlan | None, int]:
    """Give each its slot; returns them and the size of header and slots."""
    at = HEADER_BYTES
    placed = []
    for position, plan in enumerate(arguments):
        placed.append(replace(plan, slot=at, position=position))
        at += plan.type.slot_bytes
    if result is not None:
        result = replace(result, slot=at)
        at += result.type.slot_bytes
    return tuple(placed), result, at


def check_filters(
    filters: Iterable[ArgumentFilter], plans: Sequence[ArgumentPlan], problems: Problems
) -> None:
    """Each filter names an argument there is, with an operator its type has."""
    for wanted in filters:
        if wanted.args:
            chosen = [plans[number] for number in wanted.args if number < len(plans)]
            missing = len(chosen) < len(wanted.args)
        else:
            chosen = [plan for plan in plans if plan.index == wanted.index][:1]
            missing = not chosen
        if missing:
            have = ", ".join(str(plan.index) for plan in plans) or "none"
            problems.error(
                f"no argument has index {wanted.index}; the hook's arguments: {have}", wanted.where
            )
            continue
        kinds = [plan.type for plan in chosen if wanted.operator not in plan.type.operators]
        if kinds:
            name = kinds[0].names[0]
            allowed = [each for each in allowed_operators(name) if each in kinds[0].operators]
            problems.error(
                f"operator {wanted.operator} does not work on an argument of type {name}; "
                f"allowed: {', '.join(allowed) or 'none'}",
                wanted.where,
            )
            continue
        # the language could not do that for a type that only the kernel tells
        found = Problems()
        check_filter_values(wanted, chosen[0].type.names[0], found)
        problems.errors += found.errors
        if wanted.operator == "CelExpr" and not found.errors:
            _check_expression(wanted, plans, problems)


def _check_expression(
    wanted: ArgumentFilter, plans: Sequence[ArgumentPlan], problems: Problems
) -> None:
    text = wanted.values[0]
    try:
        tree = parse_expression(text.value, [plan.type.names[0] for plan in plans])
    except ValueError as error:
        problems.error(str(error), text.where)
        return
    if waiting_numbers(tree) > MAX_WAITING:
        message = f"more than {MAX_WAITING} numbers wait for their other side; write it flatter"
        problems.error(message, text.where)


def _type_of(argument: Argument, problems: Problems) -> ArgumentType | None:
    found = find_type(argument.type)
    if found is None:
        names = [name for one in ARGUMENT_TYPES for name in one.names]
        near = did_you_mean(argument.type, names)
        problems.error(f'type "{argument.type}" is not supported here{near}', argument.where)
    return found


def _plan(argument: Argument, kind: ArgumentType, source: Source = Source.ARGUMENT) -> ArgumentPlan:
    return ArgumentPlan(
        type=kind,
        index=argument.index,
        source=source,
        label=argument.label,
        size_index=argument.size_arg_index - 1 if argument.size_arg_index else None,
        size_is_result=argument.return_copy,
        max_data=argument.max_data,
        text=argument.label or argument.resolve or f"{source.value} {argument.index}",
    )


def _resolved(
    argument: Argument, plan: ArgumentPlan, type_id: int, btf: Btf, problems: Problems
) -> ArgumentPlan | None:
    try:
        start = btf.struct(argument.btf_type) if argument.btf_type else type_id
        found = btf.resolve(start, argument.resolve)
    except BtfError as error:
        problems.error(f"resolve: {error}", argument.where)
        return None
    kind = btf.skip_modifiers(found.type_id).kind
    is_value = kind in {Kind.PTR, Kind.INT, Kind.ENUM, Kind.ENUM64}
    return replace(
        plan,
        steps=found.steps,
        load_bytes=found.size if is_value else 0,
        bit_offset=found.bit_offset,
        bit_size=found.bit_size,
    )


def _compare(
    argument: Argument,
    kind: ArgumentType,
    type_id: int,
    prototype: str,
    btf: Btf,
    problems: Problems,
) -> None:
    """An argument of another structure, or no pointer at all, would be read as garbage."""
    if not kind.struct and not isinstance(kind, String):
        return
    struct = btf.struct_name(type_id)
    if struct == (kind.struct or None) or (struct is None and btf.is_pointer(type_id)):
        return
    problems.error(
        f"type {argument.type} does not fit argument {argument.index} "
        f"({btf.type_text(type_id)}) of {prototype}",
        argument.where,
    )


_WIDTHS: Final = {1: "8", 2: "16", 4: "32", 8: "64"}


def _array(field: Field) -> Array:
    """Elements, by the number in `char[16]`; one of all bytes when there is none."""
    element, _, rest = field.type_text.partition("[")
    digits = rest.rstrip("]")
    count = int(digits) if digits.isdecimal() and int(digits) else 1
    return Array(count, field.size // count, element.strip() == "char")


def _derived(field: Field, *, sized: bool) -> str:
    """Type of a tracepoint's field; empty when none fits."""
    if field.is_data_loc:
        return "data_loc"
    if "*" in field.type_text:
        if "char" not in field.type_text:
            return "uint64"
        return "char_buf" if sized else "string"
    if field.is_array:
        return "const_buf"
    if field.type_text == "size_t":
        return "size_t"
    width = _WIDTHS.get(field.size)
    return f"{'' if field.signed else 'u'}int{width}" if width else ""
