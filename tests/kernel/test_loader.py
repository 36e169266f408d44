# SPDX-License-Identifier: Apache-2.0
"""`loader: true`: each file that becomes code of a process, with the build id it has."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.descriptors import open_descriptors
from kernel.policies import start
from kernel.system import mount, private_mounts
from tetragon_core.hooks import HookEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.policies import PolicyRun
    from tetragon_core.hooks import HookMessage

_POLICY: Final = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: loads}
spec: {loader: true}
"""
_CAT: Final = shutil.which("cat") or "/bin/cat"
_MANY: Final = 24


def _loads(hits: list[HookMessage]) -> list[tuple[str, str]]:
    """Path and build id of each hit."""
    found = []
    for hit in hits:
        assert hit.info.event is HookEvent.LOADER
        path, build_id = hit.arguments
        assert (path.field, build_id.field) == ("string_arg", "bytes_arg")
        found.append((str(path.value), bytes(build_id.value).hex()))  # type: ignore[call-overload]  # asserted
    return found


def _build_id(path: str) -> str:
    """As readelf tells it."""
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    (line,) = [line for line in notes.stdout.splitlines() if "Build ID:" in line]
    return line.split()[-1]


def _with_build_id(path: str) -> tuple[str, str]:
    real = str(Path(path).resolve())
    return real, _build_id(real)


def _of_cat() -> list[tuple[str, str]]:
    """What cat is made of: itself, what loads it, its libraries in the order they are mapped."""
    listed = subprocess.run(["ldd", _CAT], capture_output=True, text=True, check=True).stdout
    paths = [word for line in listed.splitlines() for word in line.split() if word[0] == "/"]
    (interpreter,) = [path for path in paths if "/ld-linux" in path]
    libraries = [path for path in paths if path != interpreter]
    return [_with_build_id(path) for path in (_CAT, interpreter, *libraries)]


def _exec_cat() -> None:
    os.execv(_CAT, ["cat", "/dev/null"])


def test_exec(run: PolicyRun) -> None:
    """A dynamically linked program makes one event for itself, its loader and each library."""
    hits = run.hits(_POLICY, _exec_cat)

    assert _of_cat() == _loads(hits)
    times = [hit.ktime_ns for hit in hits]
    assert sorted(times) == times


def test_process(run: PolicyRun) -> None:
    """A load is an event of the image that runs at that moment, by the thread that maps."""
    with run.loaded(_POLICY):
        hits = run.hits_of(_exec_cat)

    keys = [hit.process for hit in hits]
    before, after = keys[0], keys[-1]
    assert [before, before, *[after] * (len(keys) - 2)] == keys  # the exec is over after ld.so
    assert before.ktime_ns < after.ktime_ns
    assert {hit.tid for hit in hits} == {before.tgid}


def test_dlopen(run: PolicyRun, tmp_path: Path) -> None:
    """A library that a running program opens makes one event."""
    source = Path(_of_cat()[-1][0])
    library = tmp_path / "library with a name.so"
    shutil.copy(source, library)

    hits = run.hits(_POLICY, lambda: ctypes.CDLL(str(library)))

    assert [(str(library), _build_id(str(source)))] == _loads(hits)


def test_no_build_id(run: PolicyRun, tmp_path: Path) -> None:
    """A file that is mapped as code and is no ELF file is shown without a build id."""
    code = tmp_path / "code"
    code.write_bytes(bytes(mmap.PAGESIZE))

    hits = run.hits(_POLICY, lambda: _map(code, mmap.PROT_READ | mmap.PROT_EXEC))

    assert [(str(code), "")] == _loads(hits)


def test_data(run: PolicyRun, tmp_path: Path) -> None:
    """Files mapped as data, and code that is of no file, make no event."""
    data = tmp_path / "data"
    shutil.copy(_CAT, data)

    def act() -> None:
        _map(data, mmap.PROT_READ)
        _map(data, mmap.PROT_READ | mmap.PROT_WRITE)
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=_PRIVATE)

    assert [] == _loads(run.hits(_POLICY, act))


_PRIVATE: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def _map(path: Path, protection: int) -> None:
    with path.open("r+b") as file:
        mmap.mmap(file.fileno(), mmap.PAGESIZE, flags=mmap.MAP_PRIVATE, prot=protection)


def _held_hits(run: PolicyRun, act: Callable[[], object]) -> list[HookMessage]:
    """Hits of a child that keeps what it mapped until its first hit was read.

    Where the kernel does not read build ids, the agent does, as long as it can get at the file.
    """
    reading, writing = os.pipe()

    def act_and_wait() -> None:
        kept = act()
        os.close(writing)
        os.read(reading, 1)
        del kept

    with run.loaded(_POLICY):
        pid = start(act_and_wait)
        os.close(reading)
        hits = run.wait_hits(pid, 1)
        os.close(writing)
        return hits + run.hits_until_exit(pid)


def _map_all(fd: int) -> mmap.mmap:
    return mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)


def test_deleted(run: PolicyRun, tmp_path: Path) -> None:
    """A library that has lost its name still has its build id."""
    library = tmp_path / "gone.so"
    shutil.copy(_CAT, library)
    reading = os.open(library, os.O_RDONLY)
    library.unlink()

    hits = _held_hits(run, lambda: _map_all(reading))
    os.close(reading)

    assert [(f"{library} (deleted)", _build_id(_CAT))] == _loads(hits)


def test_overlay(run: PolicyRun, tmp_path: Path) -> None:
    """A file of an overlay has the build id of the layer's file, and the path the process uses."""
    base = tmp_path / "base"

    def act() -> mmap.mmap:
        private_mounts()
        base.mkdir()
        mount("tmpfs", base, "tmpfs")
        for name in ("lower", "upper", "work", "merged"):
            (base / name).mkdir()
        shutil.copy(_CAT, base / "lower/library")
        options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        mount("overlay", base / "merged", "overlay", 0, options)
        with (base / "merged/library").open("rb") as file:
            return _map_all(file.fileno())

    hits = _held_hits(run, act)

    assert [(f"{base}/merged/library", _build_id(_CAT))] == _loads(hits)


def test_many(run: PolicyRun, tmp_path: Path) -> None:
    """Of many processes at once each load is an event, once."""
    own = str(tmp_path / "cat")
    shutil.copy(_CAT, own)

    def act() -> None:
        pids = []
        for _ in range(_MANY):
            pid = os.fork()
            if not pid:
                os.execv(own, ["cat", "/dev/null"])
            pids.append(pid)
        for pid in pids:
            os.waitpid(pid, 0)

    with run.loaded(_POLICY) as policy:
        hits = run.hits_until_exit(start(act), of_all=True)
        counters = policy.counters()

    ours = {hit.process.tgid for hit in hits if hit.arguments[0].value == own}
    program, *others = _of_cat()
    expected = dict.fromkeys([(own, program[1]), *others], _MANY)
    assert expected == Counter(_loads([hit for hit in hits if hit.process.tgid in ours]))
    assert 0 == counters["missed"]
    assert len(hits) <= counters["posted"]


def test_nothing_is_left(run: PolicyRun) -> None:
    """Disabled it makes no event and enabled again it does; closed it leaves nothing behind."""
    before = open_descriptors()
    with run.loaded(_POLICY) as policy:
        policy.disable()
        quiet = run.hits_of(_exec_cat)
        policy.enable()
        seen = run.hits_of(_exec_cat)

    assert ([], _of_cat()) == (_loads(quiet), _loads(seen))
    assert before == open_descriptors()


def test_status(run: PolicyRun) -> None:
    """It is told how mappings are seen."""
    with run.loaded(_POLICY) as policy:
        (status,) = policy.hooks

    assert ("perf_event_mmap_output", "loaded") == (status.name, status.state)
    kernel = run.engine.kernel
    is_known = kernel.btf.find_function(status.name) is not None
    by_program = is_known and (kernel.abilities.can_fentry or kernel.abilities.can_kprobe)
    assert status.method in ({"fentry", "kprobe"} if by_program else {"perf"})
