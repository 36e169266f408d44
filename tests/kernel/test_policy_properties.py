# SPDX-License-Identifier: Apache-2.0
"""The kernel reports exactly the calls that a model of the policy language says it should.

Many random policies watch the same system call at once, so that each call is a case for all.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel import selector_model as model
from kernel.policies import policy_engine
from kernel.selector_model import Call, Caller, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kernel.policies import PolicyRun

SEED: Final = 20_26
POLICIES: Final = 18
"""At once: a trampoline takes 38 programs, and a policy may need two."""
CALLS: Final = 60
FIRST_NUMBER: Final = 1000
"""Calls are numbered in an argument that makes them invalid, so that they do nothing."""
EINVAL: Final = -22
EBADF: Final = -9
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SYS_LSEEK: Final = 8
_SYS_ACCESS: Final = 21

Selectors = list[dict[str, Any]]


@pytest.fixture(scope="module")
def engine() -> Iterator[PolicyRun]:
    """One engine for all batches."""
    with policy_engine() as run:
        yield run


class Batch:
    """Random policies on one system call, whose last argument is the call's number."""

    def __init__(self, name: str, call: str, kinds: Sequence[str]) -> None:
        self.chance = random.Random(f"{SEED} {name}")
        self.call = call
        self.kinds = kinds
        """Types of the arguments, the number's included."""
        self.caller = Caller()
        self.policies: dict[str, tuple[Selectors, Sequence[str]]] = {}
        self.texts: list[str] = []

    def add(self, make_filter: Callable[[random.Random, Sequence[str]], dict[str, Any]]) -> None:
        """A policy with up to seven selectors."""
        chance = self.chance
        name = f"random-{len(self.policies)}"
        kinds = [chance.choice(kind.split("|")) for kind in self.kinds]
        returns = chance.random() < 0.3
        selectors = [
            self._selector(lambda: make_filter(chance, kinds), returns=returns)
            for _ in range(chance.choice((0, 1, 1, 2, 3, 7)))
        ]
        self.policies[name] = selectors, kinds
        self.texts.append(json.dumps(self._policy(name, selectors, kinds, returns=returns)))

    def _selector(
        self, make_filter: Callable[[], dict[str, Any]], *, returns: bool
    ) -> dict[str, Any]:
        chance = self.chance
        selector: dict[str, Any] = {
            "matchArgs": [make_filter() for _ in range(chance.randrange(4))]
        }
        selector |= model.process_filters(chance, self.caller)
        if returns and chance.random() < 0.5:
            selector["matchReturnArgs"] = [
                {
                    "index": 0,
                    "operator": chance.choice(["Equal", "NotEqual", "GT"]),
                    "values": [text],
                }
                for text in [chance.choice([str(EINVAL), "0", "-100"])]
            ]
        if chance.random() < 0.2:
            selector["matchActions"] = [{"action": "NoPost"}]
        return {key: value for key, value in selector.items() if value}

    def _policy(
        self, name: str, selectors: Selectors, kinds: Sequence[str], *, returns: bool
    ) -> dict[str, Any]:
        arguments = [{"index": number, "type": kind} for number, kind in enumerate(kinds)]
        hook: dict[str, Any] = {"call": f"sys_{self.call}", "syscall": True, "args": arguments}
        if returns:
            hook |= {"return": True, "returnArg": {"index": 0, "type": "int"}}
        if selectors:
            hook["selectors"] = selectors
        section = "kprobes"
        if not returns and self.chance.random() < 0.3:
            section, hook = "tracepoints", self._tracepoint(hook)
        return {
            "apiVersion": "cilium.io/v1alpha1",
            "kind": "TracingPolicy",
            "metadata": {"name": name},
            "spec": {section: [hook]},
        }

    def _tracepoint(self, hook: dict[str, Any]) -> dict[str, Any]:
        """The same as a tracepoint: its arguments are fields, behind five others."""
        moved: dict[str, Any] = json.loads(json.dumps(hook))
        for one in moved["args"]:
            one["index"] += 5
        for selector in moved.get("selectors", ()):
            for wanted in selector.get("matchArgs", ()):
                wanted["index"] += 5
        place = {"subsystem": "syscalls", "event": f"sys_enter_{self.call}"}
        return place | {key: moved[key] for key in ("args", "selectors") if key in moved}

    def check(
        self, engine: PolicyRun, calls: Sequence[Call], act: Callable[[Call], object]
    ) -> None:
        """Make all calls in a child; compare what was reported with the model."""
        with ExitStack() as stack:
            for text in self.texts:
                stack.enter_context(engine.loaded(text))
            hits = engine.hits_of(lambda: [act(call) for call in calls])
        reported = {(one.info.policy_name, one.arguments[-1].value) for one in hits}
        assert len(hits) == len(reported), "a call was reported twice"
        wrong = [
            (name, call, kinds, selectors)
            for call in calls
            for name, (selectors, kinds) in self.policies.items()
            if verdict(selectors, kinds, call, self.caller)
            is not ((name, call.numbers[-1]) in reported)
        ]
        total = len(calls) * len(self.policies)
        assert 0 < len(reported) < total
        assert [] == wrong[:1], f"seed {SEED}: {len(wrong)} of {total} cases are wrong"


def lseek(call: Call) -> None:
    """With any numbers; fails as `whence` is no such thing."""
    _LIBC.syscall(_SYS_LSEEK, *(ctypes.c_uint64(one) for one in call.numbers))


@pytest.mark.parametrize("batch", range(4))
def test_integers(engine: PolicyRun, batch: int) -> None:
    """Every operator on every width, values of all signs, registers with all upper halves."""
    any_integer = "|".join(model.INTEGERS)
    cases = Batch(f"integers {batch}", "lseek", [any_integer, any_integer, "uint64"])

    def make_filter(chance: random.Random, kinds: Sequence[str]) -> dict[str, Any]:
        index = chance.randrange(2)
        return model.integer_filter(chance, index, kinds[index])

    for _ in range(POLICIES):
        cases.add(make_filter)
    pairs = zip(*(model.integer_inputs(cases.chance, CALLS) for _ in range(2)), strict=True)
    calls = [
        Call((1 << 31 | one, two, FIRST_NUMBER + number), result=EINVAL)
        for number, (one, two) in enumerate(pairs)
    ]
    cases.check(engine, calls, lseek)


@pytest.mark.parametrize("batch", range(3))
def test_texts(engine: PolicyRun, batch: int) -> None:
    """Equal, Prefix, Postfix and their negations on texts of user space, up to 300 bytes."""
    cases = Batch(f"texts {batch}", "access", ["string", "int"])
    pool = model.texts(cases.chance, CALLS)
    for _ in range(POLICIES):
        cases.add(lambda chance, _: model.text_filter(chance, 0, pool))
    calls = [
        Call((0, FIRST_NUMBER + number), text=text, result=EINVAL)
        for number, text in enumerate(pool)
    ]
    calls.append(Call((1, FIRST_NUMBER + CALLS), text=None, result=EINVAL))

    def access(call: Call) -> None:
        # in memory of the process's own, as a program at the entry cannot wait for a page
        text = ctypes.create_string_buffer((call.text or "").encode())
        path = text if call.text is not None else ctypes.c_void_p(1)
        _LIBC.syscall(_SYS_ACCESS, path, call.numbers[-1])

    cases.check(engine, calls, access)


@pytest.mark.parametrize("batch", range(2))
def test_files(engine: PolicyRun, tmp_path: Path, batch: int) -> None:
    """Paths and kinds of open files, found by their descriptors."""
    cases = Batch(f"files {batch}", "lseek", ["fd", "int", "uint64"])
    names = [f"{letter * (3 * number + 1)}{number}" for number, letter in enumerate("abcabcabc")]
    deep = tmp_path.joinpath(*names[3:])
    deep.mkdir(parents=True)
    for number, name in enumerate(names):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"file{number}").touch()
    (deep / "deep").touch()
    paths = [str(one) for one in tmp_path.rglob("*")] + ["/", "/dev/null", "/proc/version"]
    with ExitStack() as stack:
        calls = []
        for number, path in enumerate(paths):
            fd = os.open(path, os.O_RDONLY)
            stack.callback(os.close, fd)
            mode = os.fstat(fd).st_mode
            calls.append(Call((fd, 0, FIRST_NUMBER + number), path, mode, EINVAL))
        calls.append(Call((9999, 0, FIRST_NUMBER + len(paths)), None, 0, EBADF))
        for _ in range(POLICIES):
            cases.add(lambda chance, _: model.file_filter(chance, 0, paths))
        cases.check(engine, calls, lseek)
