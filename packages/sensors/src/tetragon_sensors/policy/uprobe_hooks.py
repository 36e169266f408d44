# SPDX-License-Identifier: Apache-2.0
"""Plans of `uprobes`: functions of executables and libraries, in every process that runs them.

The file is opened once and held: what symbols were looked up in and digests were made of is what is
attached to, whatever `path` leads to later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError
from tetragon_core.hooks import HookEvent
from tetragon_sensors.binaries.binary import Binary
from tetragon_sensors.binaries.places import place_of_address, place_of_offset, place_of_symbol

from .arguments import lay_out, plan_data, plan_result
from .attaching import Impossible
from .faulting import reads_process
from .frames import UserRegistersFrame
from .plan import Denial, HookPlan, Method, Timing
from .redirecting import check_overrides, overrides, redirected
from .user_arguments import is_for_this_machine, of_process, plan_user_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.model import UprobeHook
    from tetragon_sensors.binaries.places import Place

    from .plan import ArgumentPlan, Target
    from .planning import Planning

__all__ = ["plan_uprobe_hook"]

_GO: Final = ".go.buildinfo"


def plan_uprobe_hook(planning: Planning, hook: UprobeHook) -> list[HookPlan]:
    """The programs of a hook on places of a file; problems are noted."""
    ability = planning.kernel.abilities.can_uprobe
    if not ability:
        reason = f"uprobes are not possible here: {ability.reason}"
        planning.impossible.append(Impossible(_names(hook), reason, hook.where))
        return []
    try:
        binary = Binary(hook.path)
        if not _is_wanted(planning, hook, binary):
            return []
    except TetragonError as error:
        planning.problems.error(str(error), hook.at("path"))
        return []
    targets = [
        _target(planning, hook, binary, place, counter)
        for place, counter in _places(planning, hook, binary)
    ]
    is_possible = check_overrides(planning, hook, binary)
    arguments = _arguments(planning, hook)
    _warn_of_go(planning, hook, binary)
    result = None
    if hook.returns and hook.return_arg is not None:
        found = plan_result(hook.return_arg, planning.problems)
        result = found and of_process(found, hook.return_arg, planning.problems)
    if not (targets and is_possible) or arguments is None or (hook.returns and result is None):
        return []
    return _programs(planning, hook, targets, arguments, result)


def _names(hook: UprobeHook) -> tuple[str, ...]:
    """The places as statuses name them."""
    numbers = (*hook.offsets, *hook.addrs)
    return tuple(f"{hook.path}:{one}" for one in (*hook.symbols, *map(hex, numbers)))


def _is_wanted(planning: Planning, hook: UprobeHook, binary: Binary) -> bool:
    """Whether the file is for this machine and has one of the digests, if the policy has some."""
    if not is_for_this_machine(planning, hook, binary):
        return False
    if not hook.binary_digests or binary.has_digest(hook.binary_digests):
        return True
    if hook.ignore_digest_failure:
        planning.rejected += _names(hook)
        return False
    planning.problems.error(
        f"{hook.path} has none of these digests: it is not the file that is meant",
        hook.at("binary_digests"),
    )
    return False


def _places(planning: Planning, hook: UprobeHook, binary: Binary) -> Iterator[tuple[Place, int]]:
    """Each place with the file offset of its reference counter, or 0."""
    counters = hook.ref_ctr_offsets or (0,) * len(_names(hook))
    for field, look_up in (
        ("symbols", place_of_symbol),
        ("offsets", place_of_offset),
        ("addrs", place_of_address),
    ):
        for number, one in enumerate(getattr(hook, field)):
            where = hook.at(field, number)
            try:
                place = look_up(binary, one)
            except TetragonError as error:
                planning.problems.error(str(error), where)
                continue
            if place.is_resolver:
                planning.problems.warn(
                    f"{one} only chooses an implementation, once in each process (IFUNC); "
                    "name the implementation to see its calls",
                    where,
                )
            yield place, counters[number] if number < len(counters) else 0


def _target(
    planning: Planning, hook: UprobeHook, binary: Binary, place: Place, counter: int
) -> Target:
    info = replace(
        planning.info(hook, HookEvent.UPROBE),
        path=hook.path,
        symbol=place.symbol,
        offset=0 if place.symbol else place.offset,
        ref_ctr_offset=counter,
    )
    name = f"{hook.path}:{place.symbol or hex(place.written)}"
    return replace(planning.target(name, info), binary=binary, offset=place.offset)


def _arguments(planning: Planning, hook: UprobeHook) -> list[ArgumentPlan] | None:
    made = plan_user_arguments(planning, hook)
    made += [plan_data(one, planning.kernel.btf, planning.problems) for one in hook.data]
    found = [one for one in made if one is not None]
    return found if len(found) == len(made) else None


def _warn_of_go(planning: Planning, hook: UprobeHook, binary: Binary) -> None:
    if binary.image.section(_GO) is None:
        return
    if hook.args:
        planning.problems.warn(
            "a Go program passes arguments in other registers than C does; "
            "read them as data with source pt_regs: rax, rbx, rcx, …",
            hook.where,
        )
    if hook.returns:
        planning.problems.warn(
            "a probe at the return can crash a Go program, whose stack may move meanwhile",
            hook.at("returns"),
        )


def _programs(
    planning: Planning,
    hook: UprobeHook,
    targets: Sequence[Target],
    arguments: list[ArgumentPlan],
    result: ArgumentPlan | None,
) -> list[HookPlan]:
    """One program for all places, or, without cookies, one for each; two with the result."""
    placed, result, size = lay_out(arguments, result)
    data_from = len(hook.args)
    planning.check_selectors(hook.selectors, placed, data_from, result)
    abilities = planning.kernel.abilities
    one_by_one = planning.option("disable-uprobe-multi")
    multi = len(targets) > 1 and not one_by_one and bool(abilities.can_uprobe_multi)
    shared = multi or abilities.has_cookie
    plans: list[HookPlan] = []
    alike = (shared and not overrides(hook)) or len(targets) == 1
    for group in [targets] if alike else [[one] for one in targets]:
        entry = HookPlan(
            method=Method.UPROBE_MULTI if multi else Method.UPROBE,
            timing=Timing.ENTRY,
            frame=UserRegistersFrame(),
            targets=tuple(group),
            arguments=placed,
            data_from=data_from,
            selectors=redirected(hook.selectors, group[0]),
            record_bytes=size,
            denial=Denial.REGISTERS if overrides(hook) else Denial.NONE,
            uses_cookie=len(group) > 1,
            sleeps=reads_process(placed) and bool(abilities.can_sleep_in_uprobe),
        )
        if result is None:
            plans.append(entry)
            continue
        second = replace(
            entry,
            method=Method.URETPROBE_MULTI if multi else Method.URETPROBE,
            timing=Timing.RETURN_HALF,
            arguments=(),
            result=result,
            sleeps=reads_process([result]) and bool(abilities.can_sleep_in_uprobe),
        )
        plans += [second, replace(entry, timing=Timing.ENTRY_HALF)]
    return plans
