# SPDX-License-Identifier: Apache-2.0
"""What needs capabilities, each as an action that raises TetragonError where they are missing."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.few_capabilities import NOBODY
from kernel.policies import policy_engine
from kernel.successive import FORBIDDEN, POLICY, attempt
from kernel.system import mount, private_mounts
from policy_texts import policy
from tetragon_core.errors import TetragonError
from tetragon_core.privileges import lacking
from tetragon_sensors.binaries.binary import Binary
from tetragon_sensors.kernel.abilities import Abilities
from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.kernel.calls import raise_memory_limit
from tetragon_sensors.kernel.inventory import list_programs
from tetragon_sensors.kernel.module_types import open_module_types
from tetragon_sensors.kernel.pins import mount_bpffs
from tetragon_sensors.kernel.programs import open_run_statistics
from tetragon_sensors.kernel.symbols import Symbols
from tetragon_sensors.kernel.user_writes import can_write_user
from tetragon_server.listeners import tcp_sockets, unix_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TRIALS", "Trial", "release", "surroundings"]

KILL: Final = POLICY.format(number=FORBIDDEN, more="")
TRACEPOINT: Final = policy("tracepoints: [{subsystem: syscalls, event: sys_enter_umask}]")
_MODULE: Final = "overlay"
_TRACEFS: Final = Path("/sys/kernel/tracing")
_PORTS: Final = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_POINTERS: Final = Path("/proc/sys/kernel/kptr_restrict")
_PORT: Final = 81
_GROUP: Final = 4711
_HIDDEN: Final = 2
_ROOM: Final = 64 << 10
"""What kernels before 5.11 let a process lock by default."""


@dataclass(frozen=True)
class Trial:
    """Of one feature."""

    action: Callable[[Path], object]
    """Its argument is the directory of `surroundings`."""
    is_possible: Callable[[], object] = lambda: True
    """Whether this kernel has it at all, whoever asks."""
    besides: tuple[str, ...] = ()
    """What the action needs for other features."""
    prepare: Callable[[], object] | None = None


@contextmanager
def surroundings() -> Iterator[Path]:
    """A directory where anybody may write, with a program that only one user may read."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        program = Path(shutil.copy("/bin/true", directory / "secret"))
        os.chown(program, NOBODY - 1, NOBODY - 1)
        program.chmod(0o700)
        (directory / "bpf").mkdir()
        yield directory


def release() -> tuple[int, ...]:
    """Of the running kernel: two numbers."""
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


def sensor(_: Path) -> None:
    """As the agent does first."""
    with policy_engine():
        pass


def hit(_: Path) -> None:
    """A tracepoint that is passed."""
    with policy_engine() as run:
        assert len(run.hits(TRACEPOINT, lambda: os.umask(0o22))) == 1


def kill(_: Path) -> None:
    """Who does what is forbidden."""
    with policy_engine() as run, run.loaded(KILL):
        assert attempt() == {signal.SIGKILL}


def attach(method: str) -> Callable[[Path], None]:
    """An empty program by this method."""

    def action(_: Path) -> None:
        found = Abilities(Btf.vmlinux()).method(method)
        if not found:
            raise TetragonError(found.reason)

    return action


def allows(method: str) -> Callable[[], bool]:
    """Whether this kernel has the method."""
    return lambda: bool(Abilities(Btf.vmlinux()).method(method))


def write_user(_: Path) -> None:
    """A program that writes into processes."""
    can_write_user.cache_clear()
    if not (found := can_write_user()):
        raise TetragonError(found.reason)


def symbols(_: Path) -> None:
    """Addresses of functions; nothing fails without, they are zeros."""
    if not Symbols().addresses_known:
        raise TetragonError(lacking("symbols"))


def look_at_parent(_: Path) -> None:
    """Whose capabilities are all; nothing fails without, it is left out."""
    try:
        Path(f"/proc/{os.getppid()}/exe").readlink()
    except PermissionError as error:
        raise TetragonError(lacking("processes")) from error


def share_socket(directory: Path) -> None:
    """With a group that its owner is not in."""
    with unix_socket(str(directory / f"{os.getpid()}.sock"), _GROUP):
        pass


def listen(_: Path) -> None:
    """On a port below 1024."""
    for one in tcp_sockets(f"127.0.0.1:{_PORT}"):
        one.close()


def has_types_of_modules() -> bool:
    """They are there since 5.11, of modules that are loaded."""
    return release() >= (5, 11) and Path(f"/sys/kernel/btf/{_MODULE}").exists()


def mount_tracefs() -> None:
    """Where it usually is: not every host has mounted it."""
    private_mounts()
    if not (_TRACEFS / "events").is_dir():
        mount("tracefs", _TRACEFS, "tracefs")


def limit_memory() -> None:
    """To what is usual where it counts."""
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (_ROOM, _ROOM))
    raise_memory_limit.cache_clear()


_BPF: Final = ("CAP_BPF", "CAP_PERFMON")

TRIALS: Final = {
    "events": Trial(sensor),
    "memory": Trial(sensor, lambda: release() < (5, 11), _BPF, limit_memory),
    "processes": Trial(look_at_parent),
    "files": Trial(lambda directory: Binary(str(directory / "secret"))),
    "functions": Trial(attach("fentry"), allows("fentry")),
    "lsm": Trial(attach("lsm"), allows("lsm")),
    "enforcement": Trial(kill, prepare=mount_tracefs),
    "tracepoints": Trial(hit, prepare=mount_tracefs),
    "kprobes": Trial(attach("kprobe"), allows("kprobe")),
    "uprobes": Trial(attach("uprobe"), allows("uprobe")),
    "writing": Trial(write_user, can_write_user),
    "modules": Trial(lambda _: os.close(open_module_types(_MODULE)), has_types_of_modules),
    "symbols": Trial(symbols, lambda: int(_POINTERS.read_text()) < _HIDDEN),
    "statistics": Trial(lambda _: os.close(open_run_statistics())),
    "inspection": Trial(lambda _: list(list_programs())),
    "bpffs": Trial(lambda directory: mount_bpffs(directory / "bpf"), prepare=private_mounts),
    "group": Trial(share_socket),
    "ports": Trial(listen, lambda: int(_PORTS.read_text()) > _PORT),
}
