# SPDX-License-Identifier: Apache-2.0
"""Values for the server's tests: processes and events, plain or random from a seeded generator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.messages import Capabilities, Credentials, Namespaces, ProcessKey
from tetragon_core.process import BinaryProperties, Image, Process

if TYPE_CHECKING:
    from random import Random

HOST = Namespaces(*range(4026531830, 4026531840))
WORDS = ("", "a", "sh", "/usr/bin/ls", "x y", "é\n\ufffd", "-" * 200, "🚀" * 40)


def image(**fields: Any) -> Image:
    base = Image(binary="/usr/bin/ls", arguments="-la", cwd="/", uid=0, auid=4294967295)
    return replace(base, **fields)


def process(node: str | None = "n1", **fields: Any) -> Process:
    values: dict[str, Any] = {
        "pid": 42,
        "start_time_ns": 1_700_000_000_123_456_789,
        "fork_time_ns": 1_700_000_000_000_000_000,
        "fork_ktime_ns": 4000,
        "flags": "execve clone",
        "image": image(),
        "in_init_tree": False,
    }
    built = Process(node, ProcessKey(42, 5000), ProcessKey(0, 1))
    for name, value in (values | fields).items():
        setattr(built, name, value)
    return built


def exec_event(**fields: Any) -> ProcessExec:
    values: dict[str, Any] = {
        "process": process(),
        "parent": process(pid=1),
        "time_ns": 1_700_000_000_123_456_789,
    }
    return ProcessExec(**values | fields)


def exit_event(**fields: Any) -> ProcessExit:
    values: dict[str, Any] = {
        "process": process(),
        "parent": process(pid=1),
        "time_ns": 1_700_000_001_000_000_000,
        "status": 0,
        "signal": "",
    }
    return ProcessExit(**values | fields)


def random_event(random: Random) -> ProcessExec | ProcessExit:
    ancestors = tuple(random_process(random) for _ in range(random.choice((0, 0, 1, 3))))
    shared: dict[str, Any] = {
        "process": random_process(random),
        "parent": random.choice((None, random_process(random))),
        "ancestors": ancestors,
        "time_ns": random.choice((0, 1, 10**9, random.randrange(2**61))),
    }
    if random.random() < 0.5:
        return ProcessExec(**shared)
    status = random.choice((0, 1, 127, 128, 255))
    return ProcessExit(**shared, status=status, signal=random.choice(("", "SIGKILL")))


def random_process(random: Random) -> Process:
    return process(
        node=random.choice((None, *WORDS)),
        pid=_number(random, 32),
        start_time_ns=random.choice((0, 999_999_999, 10**9, random.randrange(2**61))),
        fork_time_ns=random.choice((0, random.randrange(2**61))),
        flags=random.choice(WORDS),
        image=random.choice((None, _random_image(random), _random_image(random))),
        in_init_tree=random.choice((None, False, True)),
        forked=random.random() < 0.3,
    )


def _random_image(random: Random) -> Image:
    return Image(
        binary=random.choice(WORDS),
        arguments=random.choice(WORDS),
        cwd=random.choice(WORDS),
        argv=tuple(random.randbytes(random.choice((0, 1, 127, 128, 20_000))) for _ in range(3)),
        executable=random.choice(WORDS),
        interpreter=random.choice(WORDS),
        tty=random.choice(("", "pts0")),
        uid=random.choice((None, 0, 1000, 2**32 - 1)),
        auid=random.choice((None, 0, 2**32 - 1)),
        cgroup_id=_number(random, 64),
        cgroup=random.choice(WORDS),
        container_id=random.choice(("", "0123456789abcdef" * 4)),
        by_execveat=random.random() < 0.5,
        credentials=random.choice((None, Credentials(*(_number(random, 8) for _ in range(9))))),
        capabilities=random.choice((None, Capabilities(*(_number(random, 64) for _ in range(3))))),
        namespaces=random.choice((None, HOST, Namespaces(*(_number(random, 32) for _ in HOST)))),
        properties=random.choice((None, _random_properties(random))),
    )


def _random_properties(random: Random) -> BinaryProperties:
    return BinaryProperties(
        setuid=random.choice((None, 0, 1000)),
        setgid=random.choice((None, 0, 1000)),
        raised_by_file_caps=random.random() < 0.5,
        raised_by_setuid=random.random() < 0.5,
        raised_by_setgid=random.random() < 0.5,
        inode=random.choice((None, 0, _number(random, 64))),
    )


def _number(random: Random, bits: int) -> int:
    """Zero, small, and anything else equally often: varints change length with the value."""
    return random.choice((0, random.randrange(128), random.randrange(2**bits)))
