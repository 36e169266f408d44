# SPDX-License-Identifier: Apache-2.0
"""Prints what decoding, observing and encoding make of a random stream of records.

usage: random_stream.py SEED

Most records are of few processes, so that every order and every gap of a life comes up; some are
noise. Run it with different modules in the path to compare them.
"""

from __future__ import annotations

import hashlib
import random
import sys
from typing import TYPE_CHECKING, Final

from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.messages import TICK_NS, ExecFlag
from tetragon_core.observer import Observer
from tetragon_core.redaction import HIDDEN, Redacted
from tetragon_core.scanned import ScannedProcess
from tetragon_core.stats import Stats
from tetragon_sensors import _wire
from tetragon_sensors.decode import RecordError, decode
from tetragon_server.encode import EventEncoder
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.redaction import Redaction

RECORDS: Final = 4000
PIDS: Final = 12
ENVIRON: Final = int(ExecFlag.ENVIRON)
PARTS: Final = ("cgroup", "tty", "filename", "interpreter", "cwd", "executable")
TEXTS: Final = (b"", b"/", b"/bin/sh", b"a b", b"\xff\xfe", "é🚀".encode(), b"x" * 300)


class Stream:
    """Makes records."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.now = 10_000_000_000
        self._keys = [(pid, pid * TICK_NS) for pid in range(1, PIDS)]

    def record(self) -> bytes:
        """The next one, two milliseconds later."""
        self.now += 2_000_000
        others = (self._throttle, self._cgroup, self._noise)
        makers = (self._fork, self._exec, self._exit, *others)
        return self._random.choices(makers, (30, 40, 29, 1, 1, 1))[0]()

    def _key(self) -> tuple[int, int]:
        """One that was used before, or now and then one that nobody knows."""
        if self._random.random() < 0.03:
            return self._random.choice(((0, 0), (0, 1), (self._random.randrange(40), 77)))
        return self._random.choice(self._keys[-3 * PIDS :])

    def _values(self, kind: _wire.RecKind, process: tuple[int, int]) -> dict[str, int]:
        parent = self._key()
        return {
            "kind": int(kind),
            "flags": self._random.choice((0, int(ExecFlag.FIRST), self._random.getrandbits(19))),
            "nspid": self._random.choice((0, 0, 0, 1, 5)),
            "process_tgid": process[0],
            "process_ktime": process[1],
            "parent_tgid": parent[0],
            "parent_ktime": parent[1],
        }

    def _fork(self) -> bytes:
        process = (self._random.randrange(1, PIDS), self.now)
        self._keys.append(process)
        values = self._values(_wire.RecKind.FORK, process) | {"size": _wire.REC_FORK.size}
        return _wire.REC_FORK.pack(*(values[name] for name in _wire.RecFork._fields))

    def _exit(self) -> bytes:
        values = self._values(_wire.RecKind.EXIT, self._key())
        values["flags"] = int(self._random.random() < 0.05) * int(_wire.ExitFlag.KERNEL_THREAD)
        values |= {"size": _wire.REC_EXIT.size, "ktime": self.now}
        values["code"] = self._random.choice((0, 256, 9, 11 | 0x80, 0x7F00, 64))
        return _wire.REC_EXIT.pack(*(values[name] for name in _wire.RecExit._fields))

    def _exec(self) -> bytes:
        previous = self._key()
        process = (previous[0], self.now)
        self._keys.append(process)
        data = {name: self._random.choice(TEXTS) for name in PARTS}
        data["args"] = b"".join(self._random.choice(TEXTS) + b"\0" for _ in range(3))
        environ = b"".join(self._random.choice(TEXTS) + b"=\0" for _ in range(3))
        values = dict.fromkeys(_wire.RecExec._fields, 0)
        values |= self._values(_wire.RecKind.EXEC, process)
        values |= {"previous_tgid": previous[0], "previous_ktime": previous[1]}
        values |= {f"{name}_len": len(text) for name, text in data.items()}
        values["fork_ktime"] = self._random.choice((0, previous[1], self.now - 5))
        values["nlink"] = self._random.choice((0, 1))
        for name in ("auid", "inode", "cgroup_id", "creds_euid", "caps_effective", "ns_mnt"):
            values[name] = self._random.choice((0, 1000, 2**32 - 1))
        texts = b"".join(data.values()) + (environ if values["flags"] & ENVIRON else b"")
        values["size"] = _wire.REC_EXEC.size + len(texts)
        return _wire.REC_EXEC.pack(*(values[name] for name in _wire.RecExec._fields)) + texts

    def _throttle(self) -> bytes:
        values = self._values(_wire.RecKind.THROTTLE, self._key())
        values |= {"size": _wire.REC_THROTTLE.size + 3, "ktime": self.now}
        values["cgroup_id"] = self._random.randrange(40)
        packed = _wire.REC_THROTTLE.pack(*(values[name] for name in _wire.RecThrottle._fields))
        return packed + b"c\xff1"

    def _cgroup(self) -> bytes:
        values = self._values(_wire.RecKind.CGROUP, (0, 0))
        path = b"/" + self._random.choice(TEXTS)
        values |= {"size": _wire.REC_CGROUP.size + len(path), "ktime": self.now}
        values |= {"flags": self._random.choice((0, 0, 1, 2, 4))}
        values |= {name: self._random.randrange(40) for name in ("cgroup_id", "parent_id")}
        packed = _wire.REC_CGROUP.pack(*(values[name] for name in _wire.RecCgroup._fields))
        return packed + path

    def _noise(self) -> bytes:
        return self._random.choice(
            (self._random.randbytes(9), self._exec()[:-1], self._fork()[:30])
        )


def hide(binary: str, text: str) -> Redacted:
    """A redaction that knows one secret."""
    places = [place for place, character in enumerate(text) if character in "b🚀" and binary]
    hidden = "".join(HIDDEN if place in places else one for place, one in enumerate(text))
    return Redacted(hidden, [(place, place + 1) for place in places])


def describe(stream: Stream, redaction: Redaction | None) -> Iterator[str]:
    """A line for each error and event, then what is left in the cache and the counters."""
    stats = Stats()
    cache = ProcessCache(stats, capacity=30, ended_bytes=20_000)
    clock = ManualClock(offset_ns=10**18)
    observer = Observer(cache, clock, stats, node_name="node", redaction=redaction)
    builder = ProcessBuilder(with_credentials=True, with_namespaces=True, host=None, users=None)
    encoder = EventEncoder(builder, node_name="node", cluster_name="here")
    walked = [
        ScannedProcess(
            tgid=pid, ppid=pid // 2, start_ktime_ns=pid * TICK_NS, comm="x", argv=(b"x",)
        )
        for pid in range(1, PIDS)
    ]
    for found in observer.add_scanned(walked):
        yield encoder.encode(found).payload.hex()
    for number in range(RECORDS):
        try:
            events = observer.feed(decode(stream.record()))
        except RecordError as error:
            yield f"{number} {error}"
            continue
        for event in events:
            payload = hashlib.sha256(encoder.encode(event).payload).hexdigest()
            yield f"{number} {type(event).__name__} {payload} {len(cache)}"
        cache.collect(stream.now - 100_000_000)
    for one in cache:
        yield f"{one.exec_id} {one.parent_exec_id} {one.refcnt} {one.flags}"
    yield str(cache.statistics())
    yield str([(one.id, one.path) for one in observer.cgroups])
    yield str({counter.label: value for counter, value in stats.snapshot().items()})


if __name__ == "__main__":
    seed = int(sys.argv[1])
    sys.stdout.write("\n".join(describe(Stream(seed), hide if seed % 2 else None)))
