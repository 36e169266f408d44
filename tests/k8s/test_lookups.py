# SPDX-License-Identifier: Apache-2.0
"""Look-ups at a runtime that is late, ill, wrong or hangs: events never wait for long."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from k8s.asked import asked_of, cgroup_at, container_id
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import HOST, Container
from tetragon_core.workloads.table import WorkloadTable
from tetragon_k8s.runtimes import lookups
from tetragon_k8s.runtimes.runtime import Found, NotServedError, RuntimeFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup

    Answer = Callable[[Sequence[Cgroup]], Awaitable[Mapping[int, Found | None]]]

WEB = container_id(1)
PATH = f"/docker/{WEB}"


class FakeRuntime:
    """Answers each question by the next of its answers, and then by the last of them."""

    name = "the fake"
    patience_s = 1000.0

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.batches: list[int] = []

    def start(self) -> None:
        """Nothing."""

    def claims(self, cgroup: Cgroup) -> bool:
        """All containers."""
        return bool(cgroup.container_id)

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
        """See above."""
        self.batches.append(len(cgroups))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return await answer(cgroups)

    async def close(self) -> None:
        """Nothing."""


async def know(cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """Every container is called web."""
    return {
        one.id: Found(container=Container(id=one.container_id, runtime="fake", name="web"))
        for one in cgroups
    }


async def know_nothing(_: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """Not yet."""
    return {}


async def know_web(cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """The container web, and no other one yet."""
    return await know([one for one in cgroups if one.container_id == WEB])


async def deny(cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """None of them is a container here."""
    return dict.fromkeys((one.id for one in cgroups), None)


async def fail(_: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """As a runtime that is down."""
    raise RuntimeFailedError("Connection refused")


async def break_down(_: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """As an answer nobody thought of."""
    raise ZeroDivisionError


async def hang(_: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """Forever."""
    await asyncio.Event().wait()
    return {}


async def refuse(_: Sequence[Cgroup]) -> Mapping[int, Found | None]:
    """Something else listens there."""
    raise NotServedError("unknown service")


def name_of_first(runtime: FakeRuntime, *, patience_s: float = 30.0, call_s: float = 10.0) -> str:
    """The name of a container when its events need not wait any more; empty for none."""

    async def run() -> str:
        async with asked_of(runtime, patience_s=patience_s, call_s=call_s) as asked:
            asked.appear(7, PATH)
            return await asked.name(7)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "answers",
    [(know,), (know_nothing, know_nothing, know), (fail, know), (break_down, know), (hang, know)],
    ids=["at once", "too early", "down at first", "an error", "a hang"],
)
def test_the_container_gets_its_name(answers: tuple[Answer, ...]) -> None:
    """A runtime that knows a container late, or answers late, is asked again."""
    assert name_of_first(FakeRuntime(*answers), call_s=0.05) == "web"


@pytest.mark.parametrize(
    ("answer", "patience_s"),
    [
        (know_nothing, 0.05),
        (fail, 0.05),
        (hang, 0.05),
        (break_down, 0.05),
        (deny, 30),
        (refuse, 30),
    ],
    ids=["unknown", "down", "hangs", "broken", "denied", "no such service"],
)
def test_events_go_on_without_a_name(answer: Answer, patience_s: float) -> None:
    """When nothing can be known, nobody waits for longer than is allowed."""
    assert name_of_first(FakeRuntime(answer), patience_s=patience_s, call_s=0.05) == ""


@pytest.mark.parametrize(
    ("answer", "is_marked"),
    [(fail, True), (hang, True), (know_nothing, False), (deny, False)],
    ids=["down", "hangs", "unknown", "denied"],
)
def test_events_are_marked_when_nobody_could_be_asked(answer: Answer, *, is_marked: bool) -> None:
    """Events without a name say so if there may be one: those of new containers too, later."""

    async def run() -> list[bool]:
        async with asked_of(FakeRuntime(answer), patience_s=0.05, call_s=0.05) as asked:
            asked.appear(7, PATH)
            marks = [(await asked.workload(7)).is_incomplete]
            asked.appear(8, f"/docker/{container_id(2)}")
            return [*marks, (await asked.workload(8)).is_incomplete]

    assert asyncio.run(run()) == [is_marked, is_marked]


@pytest.mark.parametrize("answer", [fail, deny], ids=["down", "denied"])
def test_what_may_be_no_container_is_not_marked(answer: Answer) -> None:
    """A cgroup whose name tells nothing is the host's until somebody says otherwise."""

    async def run() -> bool:
        runtime = FakeRuntime(answer)
        runtime.claims = lambda cgroup: cgroup.id > 0  # type: ignore[method-assign]  # of this one
        async with asked_of(runtime, patience_s=0.05) as asked:
            asked.appear(7, "/jobs/a")
            return await asked.workload(7) is HOST

    assert asyncio.run(run())


def test_a_runtime_that_comes_back_tells_what_it_was_asked() -> None:
    """A container that was given up for an ill runtime gets its name when that is well again."""

    async def run() -> tuple[str, str]:
        runtime = FakeRuntime(fail, fail, know)
        async with asked_of(runtime, patience_s=0.05) as asked:
            asked.appear(7, PATH)
            before = await asked.name(7)
            await asked.until(lambda: len(runtime.batches) == 3)
            return before, await asked.name(7)

    assert asyncio.run(run()) == ("", "web")


def test_many_containers_are_one_question() -> None:
    """Hundreds of cgroups that are found at once become one question."""

    async def run() -> list[int]:
        runtime = FakeRuntime(know)
        async with asked_of(runtime) as asked:
            for number in range(1, 301):
                asked.appear(number, f"/docker/{container_id(number)}")
            await asked.name(300)
        return runtime.batches

    assert asyncio.run(run()) == [300]


def test_a_container_that_has_ended_gets_its_name() -> None:
    """The end of a container before the answer does not keep its events from being named."""

    async def run() -> str:
        async with asked_of(FakeRuntime(know)) as asked:
            asked.appear(7, PATH)
            asked.end(7)
            return await asked.name(7)

    assert asyncio.run(run()) == "web"


def test_a_cgroup_that_is_renamed_while_it_is_looked_up() -> None:
    """What counts is its name now, not the one it had when somebody began to ask."""

    async def run() -> str:
        async with asked_of(FakeRuntime(know_web), patience_s=1000) as asked:
            asked.appear(7, PATH)
            assert "web" == await asked.name(7)
            asked.appear(7, f"/docker/{container_id(2)}")
            await asyncio.sleep(0)
            asked.appear(7, PATH)
            return await asked.name(7)

    assert "web" == asyncio.run(run())


def test_an_ill_runtime_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it fails, the log has one line about it."""
    caplog.set_level(logging.INFO)

    async def run() -> None:
        runtime = FakeRuntime(fail, fail, know)
        async with asked_of(runtime) as asked:
            asked.appear(7, PATH)
            await asked.name(7)

    asyncio.run(run())

    assert [one.getMessage() for one in caplog.records if one.name.startswith("tetragon_k8s")] == [
        (
            "the fake cannot be asked: Connection refused; its containers have no names until it"
            " answers"
        ),
        "the fake answers again",
    ]


def test_names_inside_of_containers_are_not_looked_up() -> None:
    """A container can make cgroups with the names of others: no runtime is asked about them."""

    async def run() -> list[int]:
        runtime = FakeRuntime(know)
        async with asked_of(runtime) as asked:
            asked.appear(7, PATH)
            asked.appear(8, f"{PATH}/docker-{container_id(2)}.scope")
            await asked.name(7)
        return runtime.batches

    assert asyncio.run(run()) == [1]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit containers are not looked up; that is counted, and their events go on."""
    monkeypatch.setattr(lookups, "_MAX_WANTED", 2)

    async def run() -> tuple[list[bool], int]:
        table = WorkloadTable(CgroupTable())
        one = lookups.Lookups(FakeRuntime(hang), table, patience_s=30.0)
        one.start()
        paths = [f"/docker/{container_id(number)}" for number in range(4)]
        answers = [one.ask(cgroup_at(path, number)) for number, path in enumerate(paths)]
        await one.close()
        return answers, one.refused

    assert asyncio.run(run()) == ([True, True, False, False], 2)
