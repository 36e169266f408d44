# SPDX-License-Identifier: Apache-2.0
"""Plans of `usdts`: probes that authors put into executables and libraries, found by their notes.

Every site of a probe is attached to. Compilers keep the arguments of each site elsewhere: those
that keep them in the same places share a program.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError
from tetragon_core.hooks import HookEvent
from tetragon_core.policy.problems import did_you_mean
from tetragon_sensors.bcc.usdt import find_objects
from tetragon_sensors.binaries.binary import Binary
from tetragon_sensors.binaries.usdt_sites import read_usdt_sites

from .arguments import lay_out
from .attaching import Impossible
from .faulting import reads_process
from .plan import HookPlan, Method, Timing
from .usdt_arguments import InMemory, Unreadable, parse_usdt_arguments, with_symbols
from .usdt_frame import UsdtFrame
from .user_arguments import is_for_this_machine, plan_user_arguments
from .writing import check_set

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_core.policy.model import UsdtHook
    from tetragon_sensors.binaries.usdt_sites import UsdtSite

    from .plan import ArgumentPlan
    from .planning import Planning
    from .usdt_arguments import UsdtArgument

__all__ = ["plan_usdt_hook"]

_FEW: Final = 12


def plan_usdt_hook(planning: Planning, hook: UsdtHook) -> list[HookPlan]:
    """The programs of a hook on a probe; problems are noted."""
    ability = planning.kernel.abilities.can_uprobe
    if not ability:
        reason = f"USDT probes are not possible here: {ability.reason}"
        planning.impossible.append(Impossible((_name(hook),), reason, hook.where))
        return []
    try:
        binary = Binary(hook.path)
        sites = read_usdt_sites(binary)
    except TetragonError as error:
        planning.problems.error(str(error), hook.at("path"))
        return []
    if not is_for_this_machine(planning, hook, binary):
        return []
    chosen = _choose(planning, hook, sites)
    groups = _groups(planning, hook, binary, chosen)
    arguments = _arguments(planning, hook, groups)
    check_set(planning, hook, groups)
    if not groups or arguments is None:
        return []
    return _programs(planning, hook, binary, groups, arguments)


def _name(hook: UsdtHook) -> str:
    """As statuses name the hook."""
    return f"{hook.path}:{hook.provider}:{hook.name}"


def _choose(planning: Planning, hook: UsdtHook, sites: Sequence[UsdtSite]) -> list[UsdtSite]:
    """The sites of the probe; there is at least one, or a problem is noted."""
    problems = planning.problems
    providers = sorted({one.provider for one in sites})
    names = sorted({one.name for one in sites if one.provider == hook.provider})
    if not sites:
        problems.error(f"{hook.path} has no USDT probes", hook.at("path"))
    elif not names:
        near = did_you_mean(hook.provider, providers)
        problems.error(
            f'{hook.path} has no USDT provider "{hook.provider}"{near}; it has {_list(providers)}',
            hook.at("provider"),
        )
    elif hook.name not in names:
        near = did_you_mean(hook.name, names)
        problems.error(
            f'provider {hook.provider} of {hook.path} has no probe "{hook.name}"{near}; '
            f"it has {_list(names)}",
            hook.at("name"),
        )
    return [one for one in sites if (one.provider, one.name) == (hook.provider, hook.name)]


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


# ---- sites ----


def _groups(
    planning: Planning, hook: UsdtHook, binary: Binary, sites: Sequence[UsdtSite]
) -> dict[tuple[UsdtArgument, ...], list[UsdtSite]]:
    """Sites by where their arguments are; empty when a problem was noted."""
    arch = binary.image.machine
    try:
        parsed = {
            text: parse_usdt_arguments(text, arch) for text in {one.arguments for one in sites}
        }
    except ValueError as error:
        planning.problems.error(f"{_name(hook)}: {error}", hook.where)
        return {}
    names = {
        one.place.symbol
        for arguments in parsed.values()
        for one in arguments
        if isinstance(one.place, InMemory) and one.place.symbol
    }
    symbols = find_objects(binary.link, names) if names else {}
    groups: dict[tuple[UsdtArgument, ...], list[UsdtSite]] = {}
    for site in sites:
        places = with_symbols(parsed[site.arguments], symbols, site.address, arch)
        groups.setdefault(places, []).append(site)
    return groups


def _arguments(
    planning: Planning, hook: UsdtHook, groups: Iterable[Sequence[UsdtArgument]]
) -> list[ArgumentPlan] | None:
    """The arguments that the policy asks for, if all sites have them."""
    made = plan_user_arguments(planning, hook)
    found = [one for one in made if one is not None]
    missing = False
    for argument, plan in zip(hook.args, made, strict=False):  # without types it is cut off
        wanted = {argument.index: "index"}
        if plan is not None and plan.size_index is not None:
            wanted.setdefault(plan.size_index, "size_arg_index")
        for index, field in wanted.items():
            if reason := _missing(hook, index, groups):
                planning.problems.error(reason, argument.at(field))
                missing = True
    return found if len(found) == len(made) and not missing else None


def _missing(hook: UsdtHook, index: int, groups: Iterable[Sequence[UsdtArgument]]) -> str:
    """Why some site does not have an argument; empty: all have it."""
    probe = f"{hook.provider}:{hook.name}"
    for arguments in groups:
        if index >= len(arguments):
            texts = f" ({' '.join(one.text for one in arguments)})" if arguments else ""
            return f"argument {index} does not exist: {probe} has {len(arguments) or 'none'}{texts}"
        one = arguments[index]
        if isinstance(one.place, Unreadable):
            return f"argument {index} of {probe} cannot be read: {one.place.reason} ({one.text})"
    return ""


# ---- programs ----


def _programs(
    planning: Planning,
    hook: UsdtHook,
    binary: Binary,
    groups: dict[tuple[UsdtArgument, ...], list[UsdtSite]],
    arguments: list[ArgumentPlan],
) -> list[HookPlan]:
    placed, _, size = lay_out(arguments, None)
    planning.check_selectors(hook.selectors, placed, len(placed), None)
    info = replace(
        planning.info(hook, HookEvent.USDT),
        path=hook.path,
        provider=hook.provider,
        probe=hook.name,
    )
    abilities = planning.kernel.abilities
    plans = []
    for places, sites in groups.items():
        frame = UsdtFrame(places)
        # no cookie tells the sites of a program apart: their events are the same
        target = replace(planning.target(_name(hook), info), binary=binary)
        targets = tuple(
            replace(
                target,
                offset=site.offset,
                info=replace(info, ref_ctr_offset=site.ref_ctr_offset),
            )
            for site in sites
        )
        plans.append(
            HookPlan(
                method=Method.UPROBE,
                timing=Timing.ENTRY,
                frame=frame,
                targets=targets,
                arguments=placed,
                data_from=len(placed),
                selectors=hook.selectors,
                record_bytes=size,
                sleeps=_wants_to_sleep(placed, frame) and bool(abilities.can_sleep_in_uprobe),
            )
        )
    return plans


def _wants_to_sleep(plans: Sequence[ArgumentPlan], frame: UsdtFrame) -> bool:
    """Whether an argument may be in memory that is not there when the probe is hit."""
    return reads_process(plans) or any(frame.is_in_memory(plan.index) for plan in plans)
