# SPDX-License-Identifier: Apache-2.0
"""Policies about programs and libraries: functions, USDT probes, what is loaded."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.kernel.user_writes import can_write_user

from .calls import become
from .case import Case, in_turn
from .files import read
from .outcomes import allowed, denied
from .places import PLACE, copied, places
from .values import Hit, long, number

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CASES"]

_BASH: Final = "/bin/bash"
_TRUE: Final = "/bin/true"
_DEMO: Final = Path(__file__).parents[3] / "build/workload/demo"
_SET: Final = 32
_NOT_PROBED: Final = f"{PLACE}/copy"


@contextmanager
def copy(source: str) -> Iterator[None]:
    """A program in a file that is not the probed one."""
    with places(), copied(source, _NOT_PROBED):
        yield


def read_a_line() -> None:
    """Have bash read a line from a terminal, with what it reads lines with."""
    pid, terminal = pty.fork()
    if not pid:
        os.execv(_BASH, [_BASH, "--norc", "-c", "read -e line"])
    os.write(terminal, b"seen\n")
    try:
        while os.read(terminal, 100):
            pass
    except OSError:
        pass  # so a terminal ends
    assert os.waitpid(pid, 0)[1] == 0


def loaded_libc() -> str:
    """The C library of this process, and of every other program."""
    words = Path("/proc/self/maps").read_text().split()
    return next(word for word in words if "/libc." in word or "/libc-" in word)


# ---- loads ----


def loads(program: str) -> tuple[Hit, ...]:
    """A program, what loads it, its libraries: with their build ids, as others tell them."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = [word for word in listed.split() if word.startswith("/")]
    (interpreter,) = (path for path in paths if "/ld-linux" in path)
    rest = (path for path in paths if path != interpreter)
    return tuple(map(_load, (program, interpreter, *rest)))


def _load(path: str) -> Hit:
    real = os.path.realpath(path)
    notes = subprocess.run(["readelf", "-n", real], capture_output=True, text=True, check=True)
    build_id = notes.stdout.partition("Build ID: ")[2].split()[0]
    return Hit(
        "loader",
        (
            ArgumentValue("string_arg", real),
            ArgumentValue("bytes_arg", bytes.fromhex(build_id)),
        ),
    )


CASES: Final = (
    Case(
        policy="tracingpolicy/uprobe",
        prepare=lambda: copy(_BASH),
        act=read_a_line,
        expected=(Hit("main"), Hit("readline")),
        miss=allowed(lambda: become(_NOT_PROBED, "-c", "true")),
    ),
    Case(
        policy="tracingpolicy/uprobe-binaries",
        values=lambda: {"/lib64/libc.so.6": loaded_libc()},
        act=allowed(lambda: become("/usr/bin/bash", "-c", "true")),
        expected=(Hit("malloc"),),
        repeated=True,
        miss=allowed(lambda: become("/usr/bin/dash", "-c", "true")),
    ),
    Case(
        policy="tracingpolicy/uprobe-host",
        values=lambda: {"/procRoot/1/root": f"/proc/{os.getpid()}/root"},
        prepare=lambda: copy(_BASH),
        act=allowed(lambda: become(_BASH, "-c", "true")),
        expected=(Hit("_start"),),
        miss=allowed(lambda: become(_NOT_PROBED, "-c", "true")),
    ),
    Case(
        policy="tracingpolicy/uprobe-pid",
        values=lambda: {"61697": str(os.getpid())},
        act=read_a_line,
        expected=(Hit("readline"),),
        miss=allowed(lambda: become(_BASH, "-c", "read line < /etc/hostname")),
    ),
    Case(
        policy="tracingpolicy/usdt",
        values=lambda: {"/opt/demo/bin/usdt": str(_DEMO)},
        prepare=lambda: copy(str(_DEMO)),
        act=denied(lambda: become(str(_DEMO)), 1),
        expected=(Hit("test/usdt3", (number(-7), long(1 << 40))),),
        miss=denied(lambda: become(_NOT_PROBED), 1),
    ),
    Case(
        policy="tracingpolicy/usdt-set",
        refused=lambda _: "" if can_write_user() else "Set is not possible here",
        values=lambda: {"/opt/demo/bin/usdt-override": str(_DEMO)},
        prepare=lambda: copy(str(_DEMO)),
        act=denied(lambda: become(str(_DEMO)), _SET),
        expected=(Hit("tetragon/test_4B", (number(1), number(2), number(3)), action="Set"),),
        miss=denied(lambda: become(_NOT_PROBED), 1),
    ),
    *(
        Case(
            policy=policy,
            act=allowed(lambda: become(_TRUE)),
            expected=lambda: loads(_TRUE),
            miss=in_turn(lambda: read(loaded_libc()), lambda: read(_TRUE)),
        )
        for policy in ("policylibrary/library", "tracingpolicy/loader")
    ),
)
