# SPDX-License-Identifier: Apache-2.0
"""For each policy in tests/data/policies that enforces: what it forbids, and what is like it."""

from __future__ import annotations

import errno
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel import surroundings as around
from kernel.triggers.places import PLACE, places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["FORBIDDEN", "Act", "Forbidden"]

THREADS: Final = 32
CHILDREN: Final = 8
CURL: Final = "/usr/bin/curl"
BASH: Final = "/usr/bin/bash"


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An act of the workload `attempt`, with its arguments, by whom, and where."""

    act: str
    arguments: tuple[str, ...]
    program: str = ""
    """Path under which the process has the workload as its executable; empty: its own."""
    prepare: Callable[[], object] = _nothing
    """In the process, before it executes the workload."""
    effects: int | None = 0
    """Of each attempt, for others: 0 none, 1 the act completed; None: it may or may not have."""
    error: int = 0
    """Of each attempt that is not killed; 0 for an act that succeeds."""
    reported: str = ""
    """Action that its events name; empty: there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """A policy: acts that it has to stop, and acts that it must not notice."""

    policy: str
    acts: Sequence[Act]
    misses: Sequence[Act]
    kills: bool = False
    """The process is killed, whatever becomes of the act."""
    prepare: Callable[[], AbstractContextManager[object]] = nullcontext
    refused: Callable[[Kernel], str] = around.without_functions
    """Why a kernel cannot have it (a pattern); empty: it can."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What stands in the policy, and what is put in its place."""


_SECRET: Final = "/etc/shadow-seen/key"
_SETTING: Final = "/etc/seen/setting"


def _connect(address: str, *, effects: int | None, **more: object) -> Act:
    return Act(
        act="connect",
        arguments=(address, "4400"),
        prepare=around.own_network,
        effects=effects,
        **more,  # type: ignore[arg-type]  # fields of Act
    )


FORBIDDEN: Final = (
    Forbidden(
        policy="quickstart/file_monitoring_enforce",
        prepare=around.sensitive_files,
        kills=True,
        acts=(
            Act(act="write", arguments=(_SETTING,), reported="Sigkill"),
            Act(act="read", arguments=(_SECRET,), effects=1, reported="Sigkill"),
            Act(act="map-shared", arguments=(_SETTING,), reported="Sigkill"),
            Act(act="truncate", arguments=("/etc/seen-cut",), effects=1, reported="Sigkill"),
        ),
        misses=(
            Act(act="write", arguments=(f"{PLACE}/x",), effects=1),
            Act(act="read", arguments=(_SETTING,), effects=1),
            Act(act="map-private", arguments=(_SETTING,)),
            Act(act="truncate", arguments=("/run/seen-cut",), effects=1),
        ),
    ),
    Forbidden(
        policy="quickstart/network_egress_cluster_enforce",
        kills=True,
        acts=(_connect("127.0.0.2", effects=None, reported="Sigkill"),),
        misses=(_connect("127.0.0.1", effects=1),),
    ),
    Forbidden(
        policy="tracingpolicy/tcp-connect-only-local-addrs",
        kills=True,
        acts=(_connect("10.9.9.1", effects=None, program=CURL, reported="Sigkill"),),
        misses=(
            _connect("127.0.0.1", effects=1, program=CURL),
            _connect("10.9.9.1", effects=1),
        ),
    ),
    Forbidden(
        policy="tracingpolicy/tcp-connect-only-private-addrs",
        kills=True,
        acts=(_connect("192.0.2.1", effects=None, reported="Sigkill"),),
        misses=(_connect("10.9.9.1", effects=1), _connect("127.0.0.1", effects=1)),
    ),
    Forbidden(
        policy="tracingpolicy/dns-only-specified-servers",
        kills=True,
        acts=(
            Act(
                act="send",
                arguments=("127.0.0.2", "53"),
                prepare=around.own_network,
                effects=1,
                reported="Sigkill",
            ),
        ),
        misses=(
            Act(act="send", arguments=("127.0.0.53", "53"), prepare=around.own_network, effects=1),
            Act(act="send", arguments=("127.0.0.2", "54"), prepare=around.own_network, effects=1),
        ),
    ),
    Forbidden(
        policy="tracingpolicy/sandbox/linux-namespaces/kill_unprivileged_user_namespace",
        kills=True,
        acts=(
            Act(
                act="user-namespace",
                arguments=("",),
                prepare=around.without_privileges,
                reported="Sigkill",
            ),
        ),
        misses=(Act(act="user-namespace", arguments=("",)),),
    ),
    Forbidden(
        policy=(
            "tracingpolicy/sandbox/linux-namespaces/"
            "kill_unprivileged_user_namespace_in_pid_namespace"
        ),
        kills=True,
        acts=(
            Act(
                act="user-namespace",
                arguments=("",),
                prepare=around.without_privileges_in_pid_namespace,
                reported="Sigkill",
            ),
        ),
        misses=(Act(act="user-namespace", arguments=("",), prepare=around.without_privileges),),
    ),
    Forbidden(
        policy="tracingpolicy/killer",
        kills=True,
        refused=around.without_calls_of_x86,
        values={BASH: around.NEVER_RUN},
        acts=(
            Act(act="dup", arguments=("",), program=around.NEVER_RUN, reported="NotifyEnforcer"),
        ),
        misses=(Act(act="dup", arguments=("",)),),
    ),
    Forbidden(
        policy="tracingpolicy/hardlink-override",
        prepare=around.place_for_links,
        refused=around.without_denied_calls,
        acts=(
            Act(
                act="link",
                arguments=("/etc/passwd", around.LINKS),
                error=errno.EPERM,
                reported="Override",
            ),
        ),
        misses=(Act(act="link", arguments=(around.LINKED, around.LINKS), effects=1),),
    ),
    Forbidden(
        policy="tracingpolicy/symlink-override",
        prepare=places,
        refused=around.without_denied_calls,
        acts=(
            Act(
                act="symlink",
                arguments=("/etc/passwd", PLACE),
                error=errno.EPERM,
                reported="Override",
            ),
        ),
        misses=(Act(act="symlink", arguments=("/etc/passwd-", PLACE), effects=1),),
    ),
    Forbidden(
        policy="tracingpolicy/override-security",
        prepare=places,
        refused=around.without_denials,
        acts=(Act(act="mkdir", arguments=("", PLACE), error=errno.EPERM, reported="Override"),),
        misses=(Act(act="mkdir", arguments=("", PLACE), program=BASH, effects=1, reported="Post"),),
    ),
    Forbidden(
        policy="tracingpolicy/security-socket-connect-block-others",
        refused=around.without_denials,
        acts=(
            _connect("127.0.0.1", effects=0, program=CURL, error=errno.EPERM, reported="Override"),
        ),
        misses=(
            _connect("127.0.0.1", effects=1),
            Act(
                act="connect",
                arguments=("192.168.1.1", "80"),
                prepare=around.own_network,
                program=CURL,
                effects=1,
                reported="Post",
            ),
        ),
    ),
    Forbidden(
        policy="tracingpolicy/lsm_bprm_check",
        prepare=around.testers,
        refused=around.without_hashes,
        acts=(
            Act(
                act="execute",
                arguments=(around.TESTER,),
                program=BASH,
                error=errno.EPERM,
                reported="Override",
            ),
        ),
        misses=(
            Act(act="execute", arguments=(around.OTHER_TESTER,), program=BASH, error=errno.ENOEXEC),
            Act(act="execute", arguments=(around.TESTER,), error=errno.ENOEXEC),
        ),
    ),
    Forbidden(
        policy="tracingpolicy/cves/cve-2023-2640-overlayfs-ubuntu",
        prepare=around.overlay,
        refused=around.without_copied_name,
        acts=(
            Act(
                act="copy-up",
                arguments=(around.MERGED, around.UPPER),
                prepare=around.own_user_namespace,
                error=errno.EPERM,
                reported="Override",
            ),
        ),
        misses=(Act(act="copy-up", arguments=(around.MERGED, around.UPPER), effects=1),),
    ),
)
