# SPDX-License-Identifier: Apache-2.0
"""What `host_ns` stands for: the namespaces of pid 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.problems import Problems
from tetragon_core.policy.task_filter_checks import HOST_NAMESPACE

from .processes import namespace_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.messages import Namespaces
    from tetragon_core.policy.model import Policy

__all__ = ["check_host", "known_host"]

_INITIAL: Final = {
    "ipc": 0xEFFF_FFFF,
    "uts": 0xEFFF_FFFE,
    "user": 0xEFFF_FFFD,
    "pid": 0xEFFF_FFFC,
    "pid_for_children": 0xEFFF_FFFC,
    "cgroup": 0xEFFF_FFFB,
    "time": 0xEFFF_FFFA,
    "time_for_children": 0xEFFF_FFFA,
}
"""Inodes of those initial namespaces that have fixed ones: include/linux/proc_ns.h."""


def known_host(host: Namespaces | None) -> dict[str, int]:
    """Inodes by name; where those of pid 1 cannot be read, the kernel's initial namespaces."""
    read = {name: number for name, number in host._asdict().items() if number} if host else {}
    return _INITIAL | read


def check_host(policy: Policy, known: Mapping[str, int]) -> None:
    """Raise PolicyError when a policy asks for a namespace of the host that is not known."""
    problems = Problems()
    for hook in policy.spec.hooks:
        for selector in hook.selectors:
            for wanted in selector.match_namespaces:
                asks = any(str(value) == HOST_NAMESPACE for value in wanted.values)
                if asks and namespace_field(wanted.namespace) not in known:
                    problems.error(
                        f"{HOST_NAMESPACE}: the {wanted.namespace} namespace of pid 1 cannot be "
                        "read; write its inode number",
                        wanted.where,
                    )
    problems.raise_if_any(policy.source)
