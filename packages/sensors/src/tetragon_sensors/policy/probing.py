# SPDX-License-Identifier: Apache-2.0
"""Programs of uprobes and USDT probes at their places in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.attachments import join
from tetragon_sensors.kernel.user_attachments import attach_uprobe, attach_uprobe_multi

from .plan import Method, Timing

if TYPE_CHECKING:
    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.programs import Program

    from .plan import HookPlan, Target

__all__ = ["PROBES", "attach_probes"]

_MULTI: Final = frozenset({Method.UPROBE_MULTI, Method.URETPROBE_MULTI})
PROBES: Final = _MULTI | {Method.UPROBE, Method.URETPROBE}
"""Methods that attach to files."""


def attach_probes(hook: HookPlan, program: Program) -> Attachment:
    """A program at all targets of its hook, which are in one file. Raises LoadError."""
    on_return = hook.timing is Timing.RETURN_HALF
    targets = hook.targets
    if hook.method in _MULTI:
        return attach_uprobe_multi(
            program,
            _path(targets[0]),
            [target.offset for target in targets],
            on_return=on_return,
            ref_ctr_offsets=[target.info.ref_ctr_offset for target in targets],
            cookies=range(len(targets)) if hook.uses_cookie else (),
            shown=targets[0].info.path,
        )
    return join(
        attach_uprobe(
            program,
            _path(target),
            target.offset,
            on_return=on_return,
            ref_ctr_offset=target.info.ref_ctr_offset,
            cookie=number if hook.uses_cookie else 0,
            shown=target.symbol,
        )
        for number, target in enumerate(targets)
    )


def _path(target: Target) -> str:
    assert target.binary is not None
    return target.binary.link
