# SPDX-License-Identifier: Apache-2.0
"""Override of uprobes against the kernel and the file: every form becomes `argRegs`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tetragon_core.errors import TetragonError
from tetragon_sensors.binaries.places import place_of_address, place_of_offset, place_of_symbol

from .registers import MAX_ASSIGNMENTS, jump_by, parse_assignment, return_at_once

if TYPE_CHECKING:
    from tetragon_core.policy.model import Action, Selector, UprobeHook
    from tetragon_sensors.binaries.binary import Binary
    from tetragon_sensors.binaries.places import Place

    from .plan import Target
    from .planning import Planning

__all__ = ["check_overrides", "overrides", "redirected"]


def overrides(hook: UprobeHook) -> bool:
    """Whether some selector changes registers."""
    return any(_is_override(one) for each in hook.selectors for one in each.match_actions)


def _is_override(action: Action) -> bool:
    return action.action == "Override"


def check_overrides(planning: Planning, hook: UprobeHook, binary: Binary) -> bool:
    """Whether all can be done; what cannot is noted."""
    problems = planning.problems
    found = len(problems.errors)
    ability = planning.kernel.abilities.can_write_registers
    for selector in hook.selectors:
        written = [one for one in selector.match_actions if _is_override(one)]
        for action in written[1:]:
            problems.error("one Override is possible in a selector", action.where)
        for action in written:
            if not ability:
                problems.error(
                    "Override of a uprobe needs a kernel whose programs can write registers "
                    f"(6.18): {ability.reason}",
                    action.where,
                )
            if hook.returns:
                problems.error(
                    "Override and return: true are not possible together: a call that is "
                    "redirected does not return as the kernel expects it to",
                    action.where,
                )
            _check(planning, action, binary)
    return len(problems.errors) == found


def _check(planning: Planning, action: Action, binary: Binary) -> None:
    problems = planning.problems
    if len(action.arg_regs) > MAX_ASSIGNMENTS:
        problems.error(f"at most {MAX_ASSIGNMENTS} registers", action.at("arg_regs"))
    for number, text in enumerate(action.arg_regs):
        try:
            parse_assignment(text)
        except ValueError as error:
            problems.error(str(error), action.at("arg_regs", number))
    try:
        _new_place(action, binary)
    except TetragonError as error:
        problems.error(str(error), action.where)


def _new_place(action: Action, binary: Binary) -> Place | None:
    if action.arg_new_symbol:
        return place_of_symbol(binary, action.arg_new_symbol)
    if action.arg_new_address:
        return place_of_address(binary, action.arg_new_address)
    if action.arg_new_offset:
        return place_of_offset(binary, action.arg_new_offset)
    return None


def redirected(selectors: tuple[Selector, ...], target: Target) -> tuple[Selector, ...]:
    """Selectors whose Overrides are written as registers, of a probe at `target`."""
    return tuple(
        replace(one, match_actions=tuple(_written(action, target) for action in one.match_actions))
        for one in selectors
    )


def _written(action: Action, target: Target) -> Action:
    if not _is_override(action):
        return action
    assert target.binary is not None
    written = action.arg_regs
    place = _new_place(action, target.binary)
    if place is not None:
        image = target.binary.image
        distance = image.address_of(place.offset) - image.address_of(target.offset)
        written = (*written, jump_by(distance))
    return replace(action, arg_regs=written or return_at_once(action.arg_error))
