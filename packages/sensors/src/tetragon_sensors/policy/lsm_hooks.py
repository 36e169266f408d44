# SPDX-License-Identifier: Apache-2.0
"""Plans of `lsmhooks`: programs among the security modules, which may deny what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import HookEvent
from tetragon_core.policy.problems import did_you_mean
from tetragon_sensors.kernel.btf import Kind

from .arguments import lay_out, plan_parameter
from .attaching import Impossible
from .enforcing import demand_of, lsm_function
from .frames import WordsFrame
from .imahash import wants_hash, why_no_hash, with_hashes
from .plan import Denial, HookPlan, Method, Timing

if TYPE_CHECKING:
    from tetragon_core.policy.model import LsmHook

    from .planning import Planning

__all__ = ["plan_lsm_hook"]

_PREFIX: Final = "bpf_lsm_"


def plan_lsm_hook(planning: Planning, hook: LsmHook) -> list[HookPlan]:
    """The program of a hook; problems are noted."""
    kernel, problems = planning.kernel, planning.problems
    function = lsm_function(kernel, hook.hook)
    if function is None:
        every = (name for name, _ in kernel.btf.names(frozenset({Kind.FUNC})))
        names = [one.removeprefix(_PREFIX) for one in every if one.startswith(_PREFIX)]
        near = did_you_mean(hook.hook, names)
        problems.error(f'this kernel has no LSM hook "{hook.hook}"{near}', hook.where)
        return []
    if not kernel.abilities.can_lsm:
        reason = f"lsmhooks are not possible here: {kernel.abilities.can_lsm.reason}"
        planning.impossible.append(Impossible((hook.hook,), reason, hook.where))
    made = [
        plan_parameter(one, function.parameters, function.prototype, kernel.btf, problems)
        for one in hook.args
    ]
    denies = demand_of(hook).denies
    if denies and not function.return_type_id:
        problems.error(
            f"Override is not possible in {hook.hook}, which returns nothing: {function.prototype}",
            hook.where,
        )
    if any(map(wants_hash, hook.selectors)) and (reason := why_no_hash(kernel)):
        problems.error(f"imaHash is not possible here: {reason}", hook.where)
    if None in made or not kernel.abilities.can_lsm:
        return []
    placed, _, size = lay_out([one for one in made if one], None)
    planning.check_selectors(hook.selectors, placed, len(placed), None)
    info = planning.info(hook, HookEvent.LSM, hook.hook)
    plan = HookPlan(
        method=Method.LSM,
        timing=Timing.ENTRY,
        frame=WordsFrame(len(function.parameters)),
        targets=(planning.target(hook.hook, info, function.type_id),),
        arguments=placed,
        data_from=len(placed),
        selectors=hook.selectors,
        record_bytes=size,
        denial=Denial.RETURNED if denies else Denial.NONE,
    )
    return with_hashes(plan)
