# SPDX-License-Identifier: Apache-2.0
"""Large policies and many of them: they load, they report, and nothing of them is left behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.descriptors import open_descriptors
from kernel.policies import policy_engine
from kernel.recorder import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.policies import PolicyRun

POLICIES: Final = 100
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CALLS: Final = {"lseek": 8, "ioctl": 16, "fcntl": 72, "fchown": 93, "openat": 257}
"""Of one function a kernel lets 38 programs be called (trampolines), of one event 64."""
_SYS_ACCESS: Final = 21
_SYS_BPF: Final = 321
_NEXT_ID: Final = {"prog": 11, "map": 12}
"""Commands of bpf(2)."""
_THIRD: Final = 4711


@pytest.fixture(scope="module")
def engine() -> Iterator[PolicyRun]:
    """One engine for all."""
    with policy_engine() as run:
        run.engine.kernel.tracefs.has_event("syscalls", "sys_enter_lseek")  # keeps a descriptor
        yield run


_NUMBERED: Final[dict[str, Any]] = {
    "args": [{"index": 2, "type": "uint64"}],
    "selectors": [{"matchArgs": [{"index": 2, "operator": "Equal", "values": [str(_THIRD)]}]}],
}
"""Of a hook that wants the calls made here and no others."""


def policy(name: str, spec: dict[str, Any]) -> str:
    """The text of a policy."""
    head = {"apiVersion": "cilium.io/v1alpha1", "kind": "TracingPolicy", "metadata": {"name": name}}
    return json.dumps(head | {"spec": spec})


def all_calls() -> None:
    """Each fails, as there is no such descriptor."""
    for number in _CALLS.values():
        _LIBC.syscall(number, -1, 0, _THIRD)


def of_kernel(kind: str) -> set[int]:
    """Numbers of all programs or maps that the kernel has."""
    found = set()
    attributes = ctypes.create_string_buffer(12)
    while not _LIBC.syscall(_SYS_BPF, _NEXT_ID[kind], attributes, len(attributes)):
        number = int.from_bytes(attributes.raw[4:8], "little")
        attributes = ctypes.create_string_buffer(number.to_bytes(4, "little"), 12)
        found.add(number)
    return found


def of_this_process() -> dict[str, set[int]]:
    """Numbers of the programs and maps that its descriptors are."""
    texts = []
    for number in open_descriptors():
        with contextlib.suppress(FileNotFoundError):
            texts.append(Path(f"/proc/self/fdinfo/{number}").read_text())
    return {
        kind: {
            int(line.split()[1])
            for text in texts
            for line in text.splitlines()
            if line.startswith(f"{kind}_id:")
        }
        for kind in _NEXT_ID
    }


class Leavings:
    """What was made since it was asked first."""

    def __init__(self) -> None:
        self.descriptors = open_descriptors()
        self.before = of_this_process()
        self.made: dict[str, set[int]] = {}

    def look(self) -> None:
        """Remember what there is now."""
        self.made = {kind: now - self.before[kind] for kind, now in of_this_process().items()}

    def check(self) -> None:
        """No descriptor is left, and nothing of it in the kernel, which takes it apart later."""
        assert self.descriptors == open_descriptors()
        assert self.made["prog"]
        for kind, numbers in self.made.items():
            deadline = time.monotonic() + DEADLINE_S
            while numbers & of_kernel(kind):
                assert time.monotonic() < deadline, f"{kind}s {numbers & of_kernel(kind)} are left"


def timed(what: str, action: Callable[[], Any]) -> Any:
    """Do it and tell how long it took."""
    start = time.monotonic()
    result = action()
    print(f"{what}: {time.monotonic() - start:.2f} s")  # noqa: T201  for who runs it with -s
    return result


SAME_HOOKS: Final = pytest.mark.one_kernel("test_compatibility has such a list", vm="6.12")


@pytest.mark.parametrize("kind", [pytest.param("generated_syscalls", marks=SAME_HOOKS), "syscalls"])
def test_all_system_calls(engine: PolicyRun, kind: str) -> None:
    """One policy on every system call reports the call it was, and leaves nothing."""
    leavings = Leavings()
    wanted: dict[str, Any] = {"name": "calls", "type": kind}
    if kind == "syscalls":
        kernel = engine.engine.kernel
        traceable = kernel.tracefs.traceable  # some were built without tracing
        symbols = [
            each for each in kernel.syscall_symbols() if traceable is None or each in traceable
        ]
        wanted["values"] = [f"sys_{symbol.split('_sys_', 1)[1]}" for symbol in symbols]
    hook = {
        "call": "list:calls",
        "syscall": True,
        "ignore": {"callNotFound": True},
        "args": [{"index": 2, "type": "uint64"}],
        "selectors": [{"matchArgs": [{"index": 2, "operator": "Equal", "values": [str(_THIRD)]}]}],
    }
    text = policy("all", {"lists": [wanted], "kprobes": [hook]})
    with ExitStack() as stack:
        loaded = timed(f"load {kind}", lambda: stack.enter_context(engine.loaded(text)))
        leavings.look()
        hits = engine.hits_of(all_calls)
        watched = [hook for hook in loaded.hooks if hook.state == "loaded"]

    assert len(watched) > 300
    assert list(_CALLS) == [one.info.function_name.split("sys_")[1] for one in hits]
    leavings.check()


def test_a_hundred_policies(engine: PolicyRun) -> None:
    """All are there at once, each reports, and nothing of them stays."""
    names = [f"policy-{number}" for number in range(POLICIES)]
    for _ in range(2):
        leavings = Leavings()
        with ExitStack() as stack:

            def load() -> None:
                for number, name in enumerate(names):
                    call = list(_CALLS)[number % len(_CALLS)]
                    hook = {"call": f"sys_{call}", "syscall": True} | _NUMBERED
                    text = policy(name, {"kprobes": [hook]})
                    stack.enter_context(engine.loaded(text))

            timed(f"load {POLICIES}", load)
            leavings.look()
            hits = engine.hits_of(all_calls)
        leavings.check()

        assert sorted(names) == sorted(one.info.policy_name for one in hits)


@pytest.mark.parametrize("operator", ["Equal", "Prefix", "Postfix"])
def test_thousands_of_texts(engine: PolicyRun, operator: str) -> None:
    """Five thousand values in one filter."""
    values = [f"/usr/lib/{number * 7919 % 100_003}/{number}" for number in range(5000)]
    hook = {
        "call": "sys_access",
        "syscall": True,
        "args": [{"index": 0, "type": "string"}, {"index": 1, "type": "int"}],
        "selectors": [{"matchArgs": [{"index": 0, "operator": operator, "values": values}]}],
    }
    tried = [*values[::500], *(value[:-1] + "x" for value in values[::500])]

    def access() -> None:
        for text in tried:
            _LIBC.syscall(_SYS_ACCESS, ctypes.create_string_buffer(text.encode()), _THIRD)

    with ExitStack() as stack:
        text = policy("texts", {"kprobes": [hook]})
        timed(f"load {operator}", lambda: stack.enter_context(engine.loaded(text)))
        hits = engine.hits_of(access)

    assert values[::500] == [one.arguments[0].value for one in hits]
