# SPDX-License-Identifier: Apache-2.0
"""Which policies enforce, and the rails they run between. Nothing is looked up here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .policy.numbers import parse_integer

if TYPE_CHECKING:
    from .policy.model import Policy

__all__ = [
    "ENFORCING_ACTIONS",
    "KILL_LIMIT_OPTION",
    "MODE_OPTION",
    "UNLIMITED",
    "EnforcementLimits",
    "asks_to_monitor",
    "enforces",
]

ENFORCING_ACTIONS: Final = frozenset({"Sigkill", "Signal", "Override", "NotifyEnforcer", "Set"})
"""Actions that change what a process does: those that a policy in monitor mode does not take."""
MODE_OPTION: Final = "policy-mode"

KILL_LIMIT_OPTION: Final = "max-kills-per-minute"
"""Option of a policy that is used instead of the agent's setting."""
UNLIMITED: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementLimits:
    """What no policy may do, whatever its author wrote. The default limits nothing."""

    never_kill_pids: frozenset[int] = frozenset()
    """Processes (thread groups, as the host numbers them) that are sent no signal; those that have
    these numbers when the first policy is loaded.
    """
    never_kill_paths: tuple[str, ...] = ()
    """Executables whose processes are sent no signal: absolute and sorted. Of one named through a
    symbolic link both names are here, because the link may lead elsewhere in a container."""
    max_kills_per_minute: int = UNLIMITED
    """SIGKILLs of one policy, from the first one for a minute; after these it only monitors."""

    def kill_limit(self, policy: Policy) -> int:
        """Signals per minute of this policy: its own option, or the agent's setting.

        UNLIMITED is 0. The option is a valid number, as options of a parsed policy are.
        """
        own = policy.spec.options.get(KILL_LIMIT_OPTION)
        return self.max_kills_per_minute if own is None else parse_integer(own.value)


def enforces(policy: Policy) -> bool:
    """Whether some action of the policy could stop anything, whatever its mode is."""
    return any(
        action.action in ENFORCING_ACTIONS
        for hook in policy.spec.hooks
        for selector in hook.selectors
        for action in (*selector.match_actions, *selector.match_return_actions)
    )


def asks_to_monitor(policy: Policy) -> bool:
    """Whether its author wants the actions counted and not taken."""
    mode = policy.spec.options.get(MODE_OPTION)
    return mode is not None and mode.value == "monitor"
