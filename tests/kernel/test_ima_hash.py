# SPDX-License-Identifier: Apache-2.0
"""`imaHash`: hits of LSM hooks have the hash of the file, where a selector wants it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from kernel.policies import policy_engine, start
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.policy.imahash import why_no_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.policies import PolicyRun
    from tetragon_core.hooks import HookMessage

_MANY: Final = 24
_CAT: Final = shutil.which("cat") or "/bin/cat"


def _policy(selectors: str, hook: str = "bprm_check_security", kind: str = "linux_binprm") -> str:
    return f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: hashes}}
spec:
  lsmhooks:
  - hook: {hook}
    args:
    - {{index: 0, type: {kind}}}
    selectors:
{selectors}
"""


def _selector(end: str, *actions: str) -> str:
    return f"""
    - matchArgs: [{{index: 0, operator: Postfix, values: [{end}]}}]
      matchActions: [{", ".join(f"{{{action}}}" for action in actions)}]"""


_HASH: Final = "action: Post, imaHash: true"
_DENY: Final = "action: Override, argError: -1"


@pytest.fixture(scope="module")
def engine() -> Iterator[PolicyRun]:
    """An engine for all tests of this module."""
    with policy_engine() as made:
        yield made


@pytest.fixture
def run(engine: PolicyRun) -> PolicyRun:
    """The engine, where the kernel hashes files."""
    kernel = engine.engine.kernel
    if reason := why_no_hash(kernel):
        pytest.skip(f"no hashes of files: {reason}")
    if not kernel.abilities.can_lsm:
        pytest.skip("no LSM hooks in this kernel")
    return engine


def _hash_of(path: Path, like: str) -> str:
    """The hash by the algorithm that `like` was made with."""
    name = like.partition(":")[0]
    return f"{name}:{hashlib.new(name, path.read_bytes()).hexdigest()}"


def _copy(directory: Path, name: str) -> Path:
    """A program of its own, that no other process runs."""
    copy = directory / name
    shutil.copy(_CAT, copy)
    with copy.open("ab") as file:
        file.write(name.encode())
    return copy


def _execute(path: Path) -> None:
    os.execv(path, [path.name, "/dev/null"])


def _paths(hits: list[HookMessage]) -> list[str]:
    values = [hit.arguments[0].value for hit in hits]
    return [str(value["path"]) for value in values if isinstance(value, dict)]


@pytest.mark.parametrize(
    ("hook", "kind"),
    [
        ("bprm_check_security", "linux_binprm"),
        ("bprm_creds_for_exec", "linux_binprm"),
        ("bprm_creds_from_file", "linux_binprm"),
        ("bprm_committing_creds", "linux_binprm"),
        ("bprm_committed_creds", "linux_binprm"),
        ("mmap_file", "file"),
    ],
)
def test_hash(run: PolicyRun, tmp_path: Path, hook: str, kind: str) -> None:
    """The hash is that of the file's content."""
    program = _copy(tmp_path, "hashed")

    hits = run.hits(
        _policy(_selector("/hashed", _HASH), hook, kind),
        lambda: _execute(program),
    )

    assert {str(program)} == set(_paths(hits))
    found = {hit.ima_hash for hit in hits}
    assert {_hash_of(program, hits[0].ima_hash)} == found


def test_only_for_the_selector_that_wants_it(run: PolicyRun, tmp_path: Path) -> None:
    """A hit of another selector has no hash, and each hit is one event."""
    with_hash, without = _copy(tmp_path, "with"), _copy(tmp_path, "without")
    policy = _policy(_selector("/with", _HASH) + _selector("/without", "action: Post"))

    def act() -> None:
        for path in (with_hash, without, with_hash):
            subprocess.run([path, "/dev/null"], check=True)

    with run.loaded(policy):
        hits = run.hits_until_exit(start(act), of_all=True)

    assert [str(one) for one in (with_hash, without, with_hash)] == _paths(hits)
    wanted = _hash_of(with_hash, hits[0].ima_hash)
    assert [wanted, "", wanted] == [hit.ima_hash for hit in hits]


def test_denied(run: PolicyRun, tmp_path: Path) -> None:
    """What is denied has its hash; what is nearly the same runs."""
    denied, allowed = _copy(tmp_path, "denied"), _copy(tmp_path, "allowed")

    def act() -> None:
        with pytest.raises(PermissionError):
            _execute(denied)
        _execute(allowed)

    with run.loaded(_policy(_selector("/denied", _DENY, _HASH))) as policy:
        policy.set_monitor(on=False)
        hits = run.hits_of(act)
        counters = policy.counters()

    assert [str(denied)] == _paths(hits)
    assert [_hash_of(denied, hits[0].ima_hash)] == [hit.ima_hash for hit in hits]
    assert (1, 1) == (counters["attempts"], counters["override"])


def test_many_denied(run: PolicyRun, tmp_path: Path) -> None:
    """However many are hashed at once, each is denied and reported once."""
    denied = _copy(tmp_path, "denied")

    def attempt() -> None:
        try:
            _execute(denied)
        except PermissionError:
            os._exit(0)

    def act() -> None:
        pids = [start(attempt) for _ in range(_MANY)]
        assert [0] * _MANY == [os.waitpid(pid, 0)[1] for pid in pids]

    with run.loaded(_policy(_selector("/denied", _DENY, _HASH))) as policy:
        policy.set_monitor(on=False)
        hits = run.hits_until_exit(start(act), of_all=True)
        counters = policy.counters()

    assert [str(denied)] * _MANY == _paths(hits)
    hashes = {hit.ima_hash for hit in hits}
    assert hashes - {""} == {_hash_of(denied, next(filter(None, hashes)))}
    assert (_MANY, _MANY) == (counters["attempts"], counters["override"])


def test_monitored(run: PolicyRun, tmp_path: Path) -> None:
    """A policy that only monitors denies nothing, and the hit has the hash all the same."""
    program = _copy(tmp_path, "watched")

    with run.loaded(_policy(_selector("/watched", _DENY, _HASH))) as policy:
        policy.set_monitor(on=True)
        (hit,) = run.hits_of(lambda: _execute(program))

    assert hit.is_monitored
    assert _hash_of(program, hit.ima_hash) == hit.ima_hash


def test_refused(engine: PolicyRun) -> None:
    """A kernel that hashes no files says so, and why."""
    kernel = engine.engine.kernel
    reason = why_no_hash(kernel)
    expected = f"imaHash is not possible here: {reason}" if reason else ""

    try:
        with engine.loaded(_policy(_selector("/x", _HASH))):
            found = ""
    except PolicyError as error:
        found = str(error)

    assert expected in found
    assert bool(found) == bool(reason or not kernel.abilities.can_lsm)
