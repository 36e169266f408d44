# SPDX-License-Identifier: Apache-2.0
"""Policies apply to the containers they select, to all cgroups of these, and to nothing else."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from kernel.cgroups import enter, made_cgroup
from kernel.gated import HOOKS, containers, gated_policy, hits_in
from kernel.policies import policy_engine, start
from kernel.probed import called, uprobe
from tetragon_core.errors import LoadError
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.problems import PolicyError
from tetragon_sensors.base import SensorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.policies import PolicyRun
    from tetragon_core.cgroups import Hierarchy

PODS: Final = "  podSelector: {matchLabels: {app: web}}\n"
AND_HOST: Final = PODS + "  hostSelector: {}\n"
HOST: Final = "  hostSelector: {}\n"
UMASK: Final = "tracepoints: [{subsystem: syscalls, event: sys_enter_umask%s}]"


@pytest.fixture(scope="module")
def run(hierarchy: Hierarchy) -> Iterator[PolicyRun]:
    """An engine that follows the cgroups which name containers."""
    with policy_engine(sensor=SensorConfig(hierarchy=hierarchy)) as engine:
        yield engine


@contextmanager
def possible(run: PolicyRun, kind: str) -> Iterator[None]:
    """Kinds of hooks that this kernel has no way for are refused."""
    abilities = run.engine.kernel.abilities
    can = {
        "function": abilities.can_fentry or abilities.can_kprobe,
        "function with result": abilities.can_fentry or abilities.can_kprobe,
        "function in registers": abilities.can_kprobe,
        "security hook": abilities.can_lsm,
    }
    if can.get(kind, True):
        yield
        return
    with pytest.raises(PolicyError):
        yield


@pytest.mark.parametrize("kind", HOOKS)
def test_selected_container(run: PolicyRun, hierarchy: Hierarchy, kind: str) -> None:
    """Of each kind of hook the first process of a selected container is seen, nobody else's."""
    text = PODS + "  " + HOOKS[kind] % ""
    with (
        containers(run, hierarchy) as there,
        possible(run, kind),
        gated_policy(run, text, there.homes[0]),
    ):
        found = [hits_in(run, where) for where in (there.one, there.inner, there.other, None)]

        assert [1, 1, 0, 0] == found


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [(PODS, [1, 0, 0]), (AND_HOST, [1, 0, 1]), (HOST, [0, 0, 1])],
)
def test_host(run: PolicyRun, hierarchy: Hierarchy, selectors: str, expected: list[int]) -> None:
    """The host is whatever is in no container, and is selected by hostSelector alone."""
    with (
        containers(run, hierarchy) as there,
        gated_policy(run, selectors + "  " + UMASK % "", there.homes[0]),
    ):
        assert expected == [hits_in(run, where) for where in (there.one, there.other, None)]


def test_changes_of_members(run: PolicyRun, hierarchy: Hierarchy) -> None:
    """A container that begins or ends to fulfil a filter is seen from then on, or no more."""
    with containers(run, hierarchy) as there, gated_policy(run, PODS + "  " + UMASK % ""):
        members, home = run.engine.members(), there.homes[0]
        found = []
        for bits in (0, 1 << 500, 1 << 499, 1 << 500 | 1 << 3, 0):
            members.write([(home, bits)])
            found.append(hits_in(run, there.inner))

        assert [0, 1, 0, 1, 0] == found


def test_cgroup_that_is_made_later(run: PolicyRun, hierarchy: Hierarchy) -> None:
    """Deep inside of a container it is the container's, elsewhere the host's."""
    with (
        containers(run, hierarchy) as there,
        gated_policy(run, PODS + "  " + UMASK % "", *there.homes),
    ):
        with made_cgroup(hierarchy, f"{there.one.name}/inner/more") as deeper:
            inside = hits_in(run, deeper)
        with made_cgroup(hierarchy, f"gated-{os.getpid()}-host.scope") as outside:
            found = hits_in(run, outside)

        assert (1, 0) == (inside, found)


def test_selectors_with_workloads(run: PolicyRun, hierarchy: Hierarchy) -> None:
    """A selector with matchWorkloads leaves the others alone; the first that holds wins."""
    selectors = (
        ", selectors: [{matchWorkloads: {podSelector: {matchLabels: {app: web}}},"
        " matchActions: [{action: NoPost}]}, {}]"
    )
    with (
        containers(run, hierarchy) as there,
        gated_policy(run, "  " + UMASK % selectors, there.homes[0]),
    ):
        assert [0, 1, 1] == [hits_in(run, where) for where in (there.one, there.other, None)]


@pytest.mark.parametrize("selectors", ["{matchPIDs: [{operator: NotIn, values: [1]}]}", "{}, {}"])
def test_selectors_of_hooks(run: PolicyRun, hierarchy: Hierarchy, selectors: str) -> None:
    """One selector or more: none holds for what the policy is not for."""
    text = PODS + "  " + UMASK % f", selectors: [{selectors}]"
    with containers(run, hierarchy) as there, gated_policy(run, text, there.homes[0]):
        assert [1, 0, 0] == [hits_in(run, where) for where in (there.one, there.other, None)]


def test_enforcement(run: PolicyRun, hierarchy: Hierarchy) -> None:
    """What a selected container's processes are killed for is let through everywhere else."""
    kill = ", selectors: [{matchActions: [{action: Signal, argSig: 10}]}]"

    def mask(where: Path) -> None:
        enter(where)
        os.umask(0o22)

    with (
        containers(run, hierarchy) as there,
        gated_policy(run, PODS + "  " + UMASK % kill, there.homes[0]),
    ):
        children = [start(partial(mask, where)) for where in (there.inner, there.other)]
        found = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]

        assert [-10, 0] == found


def test_function_of_a_program(run: PolicyRun, hierarchy: Hierarchy, program: Path) -> None:
    """Programs that may sleep ask first as well."""
    place = uprobe(program, "symbols: [text]", "args: [{index: 0, type: string}]")
    text = PODS + "  uprobes:" + place.partition("uprobes:")[2]
    with (
        containers(run, hierarchy) as there,
        gated_policy(run, text, there.homes[0]),
    ):
        found = [hits_in(run, where, lambda: called(program, 2)) for where in (there.inner, None)]

        assert [2, 0] == found


def test_filter_nobody_answers(run: PolicyRun) -> None:
    """A policy is refused, and not applied to everything, when its filter has no number."""
    with pytest.raises(LoadError, match="nobody answers which are containers where pod app=web"):
        run.engine.load(
            parse_policy(
                """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: gated}
spec:
"""
                + PODS
                + "  "
                + UMASK % "",
                "test.yaml",
            )
        )
