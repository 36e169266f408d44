# SPDX-License-Identifier: Apache-2.0
"""What policies cost the calls they watch, and the agent: measured with an engine of its own.

Each figure is a difference to the same call with the base sensor alone.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from tetragon_core.cgroups import pick_hierarchy
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.workload_filters import filters_of
from tetragon_core.stats import Stats
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.engine import Engine

__all__ = ["ROUNDS", "policies", "text_for_events"]

COUNT: Final = 200
ROUNDS: Final = 9
"""So often calls.c makes as many calls as it is told."""
INSIDE: Final = "/etc/bench/file"
OUTSIDE: Final = "/mnt/file"
"""On a tmpfs each: on the overlay that the machine's root is, each access is two."""
Hooks = dict[str, Any]


def _file_permission(*values: str, action: str = "Post") -> dict[str, Any]:
    return {
        "call": "security_file_permission",
        "syscall": False,
        "return": True,
        "args": [{"index": 0, "type": "file"}, {"index": 1, "type": "int"}],
        "returnArg": {"index": 0, "type": "int"},
        "selectors": [
            {
                "matchArgs": [
                    {"index": 0, "operator": "Prefix", "values": list(values)},
                    {"index": 1, "operator": "Equal", "values": ["2"]},
                ],
                "matchActions": [{"action": action}],
            }
        ],
    }


_WRITES: Final = {"kprobes": [_file_permission("/etc")]}
_WATCHED: Final = ["/boot", "/lib", "/lib64", "/bin", "/usr/lib", "/usr/local/lib", "/sbin"]
_MONITORING: Final = {
    "kprobes": [
        _file_permission(*_WATCHED, "/etc"),
        {
            "call": "security_mmap_file",
            "syscall": False,
            "args": [{"index": 0, "type": "file"}, {"index": 1, "type": "uint32"}],
            "selectors": [
                {
                    "matchArgs": [
                        {"index": 0, "operator": "Prefix", "values": [*_WATCHED, "/etc"]},
                        {"index": 1, "operator": "Mask", "values": ["2"]},
                    ]
                }
            ],
        },
        {
            "call": "security_path_truncate",
            "syscall": False,
            "args": [{"index": 0, "type": "path"}],
            "selectors": [
                {"matchArgs": [{"index": 0, "operator": "Prefix", "values": [*_WATCHED, "/etc"]}]}
            ],
        },
    ]
}


def _connect(operator: str) -> Hooks:
    network = {"index": 0, "operator": operator, "values": ["127.0.0.0/8"]}
    hook = {
        "call": "tcp_connect",
        "syscall": False,
        "args": [{"index": 0, "type": "sock"}],
        "selectors": [{"matchArgs": [network]}],
    }
    return {"kprobes": [hook]}


def _one_call(number: int) -> Hooks:
    hook = {
        "subsystem": "raw_syscalls",
        "event": "sys_enter",
        "args": [{"index": 4, "type": "int64"}],
        "selectors": [{"matchArgs": [{"index": 4, "operator": "Equal", "values": [str(number)]}]}],
    }
    return {"tracepoints": [hook]}


def _openat(prefix: str) -> Hooks:
    hook = {
        "call": "sys_openat",
        "syscall": True,
        "args": [
            {"index": 0, "type": "int"},
            {"index": 1, "type": "string"},
            {"index": 2, "type": "int"},
        ],
        "selectors": [{"matchArgs": [{"index": 1, "operator": "Prefix", "values": [prefix]}]}],
    }
    return {"kprobes": [hook]}


_DENY: Final = {"action": "Override", "argError": -1}


def _file_open(prefix: str, *programs: str, action: dict[str, Any] = _DENY) -> Hooks:
    selector: dict[str, Any] = {
        "matchArgs": [{"index": 0, "operator": "Prefix", "values": [prefix]}],
        "matchActions": [action],
    }
    if programs:
        selector["matchBinaries"] = [{"operator": "In", "values": list(programs)}]
    hook = {"hook": "file_open", "args": [{"index": 0, "type": "file"}], "selectors": [selector]}
    return {"lsmhooks": [hook]}


def _link(target: str) -> Hooks:
    hook = {
        "call": "sys_symlinkat",
        "syscall": True,
        "args": [{"index": 0, "type": "string"}],
        "selectors": [
            {
                "matchArgs": [{"index": 0, "operator": "Equal", "values": [target]}],
                "matchActions": [_DENY],
            }
        ],
    }
    return {"kprobes": [hook]}


def _modify(mask: str) -> Hooks:
    """Denied by fmod_ret, or let go by its integer."""
    hook = {
        "call": "security_file_permission",
        "syscall": False,
        "args": [{"index": 0, "type": "file"}, {"index": 1, "type": "int"}],
        "selectors": [
            {
                "matchArgs": [
                    {"index": 0, "operator": "Prefix", "values": ["/mnt"]},
                    {"index": 1, "operator": "Equal", "values": [mask]},
                ],
                "matchActions": [_DENY],
            }
        ],
    }
    return {"kprobes": [hook]}


_KILL_CALL: Final = {
    "kprobes": [
        {
            "call": "sys_getppid",
            "syscall": True,
            "selectors": [{"matchActions": [{"action": "Sigkill"}]}],
        }
    ]
}


class Case(NamedTuple):
    """One row: a policy and a call."""

    name: str
    policy: Hooks
    call: str
    path: str
    place: str = ""
    """`container`, or `selected` by the policy; else the call is made on the host."""


_FOR_PODS: Final = {**_WRITES, "podSelector": {"matchLabels": {"app": "web"}}}
CASES: Final = (
    Case("etc-read", _WRITES, "read", OUTSIDE),
    Case("etc-write-other-workload", _FOR_PODS, "write", OUTSIDE),
    Case("etc-write-other-container", _FOR_PODS, "write", OUTSIDE, "container"),
    Case("etc-write-selected", _FOR_PODS, "write", OUTSIDE, "selected"),
    Case("etc-write-outside", _WRITES, "write", OUTSIDE),
    Case(
        "etc-write-not-posted",
        {"kprobes": [_file_permission("/etc", action="NoPost")]},
        "write",
        INSIDE,
    ),
    Case("etc-write-posted", _WRITES, "write", INSIDE),
    Case("monitoring-read", _MONITORING, "read", OUTSIDE),
    Case("connect-other", _connect("NotDAddr"), "connect", "-"),
    Case("connect-posted", _connect("DAddr"), "connect", "-"),
    Case("one-call-other", _one_call(39), "getppid", "-"),
    Case("one-call-posted", _one_call(110), "getppid", "-"),
    Case("openat-other", _openat("/etc/"), "openat", OUTSIDE),
    Case("openat-posted", _openat("/mnt/"), "openat", OUTSIDE),
    Case("lsm-other-binary", _file_open("/mnt", "/usr/bin/cat"), "openat", OUTSIDE),
    Case("lsm-other-path", _file_open("/etc"), "openat", OUTSIDE),
    Case("lsm-denied", _file_open("/mnt"), "openat", OUTSIDE),
    Case("fmod-ret-other", _modify("2"), "read", OUTSIDE),
    Case("fmod-ret-denied", _modify("4"), "read", OUTSIDE),
    Case("link-other", _link("/etc/passwd"), "symlink", OUTSIDE),
    Case("link-denied", _link(OUTSIDE), "symlink", OUTSIDE),
    Case("killed", _KILL_CALL, "child", "-"),
)


def policies(calls: Path) -> dict[str, int]:
    """All cases: instructions added to a call; then what adding a policy costs."""
    figures: dict[str, int] = {}
    for file in map(Path, (INSIDE, OUTSIDE)):
        file.parent.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "bench", str(file.parent)], check=True)
        file.write_text("content")
    cgroups, mounts = (Path(f"/proc/{name}").read_text() for name in ("cgroups", "mounts"))
    hierarchy = pick_hierarchy(cgroups, mounts)
    with BaseSensor(SensorConfig(hierarchy=hierarchy), Stats()) as base:
        engine = Engine(base, Kernel.running())
        home = Path(hierarchy.mount) / "bench"
        home.mkdir()
        base.containers.enter(home.stat().st_ino, home.stat().st_ino)
        for case in CASES:
            (home if case.place else home.parent).joinpath("cgroup.procs").write_text("0")
            alone = _cost(calls, case)
            policy = parse_policy(json.dumps(_document(case)), case.name)
            numbers = dict.fromkeys(filters_of(policy), 0)
            if numbers:
                engine.members().write([(home.stat().st_ino, int(case.place == "selected"))])
            before = time.process_time_ns()
            loaded = engine.load(policy, numbers)
            figures[f"{case.name} adding"] = time.process_time_ns() - before
            figures[f"{case.name} alone"] = alone
            figures[case.name] = _cost(calls, case) - alone
            figures[f"{case.name} bytes"] = loaded.kernel_memory_bytes
            loaded.close()
            base.drain(1 << 20)
        home.parent.joinpath("cgroup.procs").write_text("0")
        home.rmdir()
        engine.close()
    return figures


def text_for_events() -> str:
    """A policy that reports each getppid(2)."""
    return json.dumps(_document(next(case for case in CASES if case.name == "one-call-posted")))


def _cost(calls: Path, case: Case) -> int:
    command = [str(calls), case.call, case.path, str(COUNT), "0"]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _document(case: Case) -> dict[str, Any]:
    head = {"apiVersion": "cilium.io/v1alpha1", "kind": "TracingPolicy"}
    return head | {"metadata": {"name": case.name}, "spec": case.policy}
